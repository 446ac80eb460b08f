import CLinux
import Glibc
import LVS
import Synchronization

@testable import Admin

/// What outlives the lives of a director in these tests: the table of clients, what was carried out and what was promised for it.
final class HandoverMemory: Sendable {
    struct Notes {
        var commands: [Command] = []
        var promises: [RequestNumber: [UInt8]] = [:]
        var state = Inventory()
    }
    let notes = Mutex<Notes>(Notes())
    nonisolated(unsafe) let table: UnsafeMutableRawBufferPointer

    init() {
        table = .allocate(byteCount: ClientTable.size, alignment: 64)
        table.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { table.deallocate() }
}

/// The moments at which a director may die here, as its target sees them.
enum HandoverStep: CaseIterable, Sendable {
    /// The request was looked at; nothing was done.
    case looked
    /// The command was carried out and written down; nothing was sent.
    case written
    /// The answer was sent, and that is noted; the request lies in the queue still.
    case answered
}

/// A director that notes what it does where the next one finds it, and stops for ever at one moment.
struct HandoverDirector: ControlTarget {
    let memory: HandoverMemory
    /// Where it dies: at which step of the how manieth command from now.
    var death: (step: HandoverStep, command: Int)?
    let died: DispatchGate
    private var engine: MemoryDirector
    private var begun = 0

    init(_ memory: HandoverMemory, death: (step: HandoverStep, command: Int)?, died: DispatchGate) {
        (self.memory, self.death, self.died) = (memory, death, died)
        engine = MemoryDirector(state: memory.notes.withLock { $0.state })
    }

    private func pass(_ step: HandoverStep) {
        guard let death, death.step == step, death.command == begun else { return }
        died.open()
        // The thread is never seen again, as after SIGKILL.
        while true { pause() }
    }

    mutating func apply(_ command: Command) throws(CommandError) { throw .invalid }

    mutating func apply(_ command: Command, promising promise: JournalRecord.KeptAnswer) throws(CommandError) {
        begun += 1
        pass(.looked)
        try engine.apply(command)
        let state = engine.state
        memory.notes.withLock {
            $0.commands.append(command)
            $0.promises[promise.request] = promise.packet
            $0.state = state
        }
        pass(.written)
    }

    func promised(to request: RequestNumber) -> [UInt8]? { memory.notes.withLock { $0.promises[request] } }

    mutating func settled(_ request: RequestNumber) {
        pass(.answered)
        memory.notes.withLock { $0.promises[request] = nil }
    }

    func inventory() -> Inventory { engine.inventory() }
    func connections() -> [ConnectionRecord] { [] }
    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply { .text("") }
}

/// Opened once, by one thread for another.
final class DispatchGate: Sendable {
    private let ends: (Int32, Int32)

    init() {
        var pair: [Int32] = [-1, -1]
        pipe(&pair)
        ends = (pair[0], pair[1])
    }

    func open() { _ = write(ends.1, "x", 1) }

    /// Whether it was opened within ten seconds.
    func wait() -> Bool {
        var ready = pollfd(fd: ends.0, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, 10_000) == 1
    }
}

/// One life of a director: a thread that serves clients which somebody else let in.
final class HandoverLife: @unchecked Sendable {
    let died = DispatchGate()
    private let server: ControlServer
    private var director: HandoverDirector
    private let isStopping = Atomic<Bool>(false)
    private var thread = pthread_t()
    let gone = Mutex<[UInt64]>([])

    /// - Parameter clients: descriptors, each with its client's number; the life gets copies.
    init(_ memory: HandoverMemory, _ clients: [(Int32, UInt64)], dyingAt death: (HandoverStep, Int)? = nil) throws {
        server = try ControlServer(owner: geteuid(), clients: ClientTable(memory.table))
        director = HandoverDirector(memory, death: death.map { (step: $0.0, command: $0.1) }, died: died)
        server.clientGone = { [self] number in gone.withLock { $0.append(number) } }
        for (descriptor, number) in clients { server.adopt(client: dup(descriptor), number: number) }
        server.forgetOthers()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<HandoverLife>.fromOpaque(context).takeUnretainedValue().run() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
    }

    private func run() {
        while !isStopping.load(ordering: .acquiring) { server.serve(&director, waiting: 5) }
    }

    /// Ends between two calls of `serve`, without a word to anybody.
    func end() {
        isStopping.store(true, ordering: .releasing)
        pthread_join(thread, nil)
    }
}

/// Both ends of a client's connection: the client's own, and the one that is handed from life to life.
final class HandoverClient {
    let own: Int32, kept: Int32

    init() {
        var pair: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair)
        (own, kept) = (pair[0], pair[1])
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(own, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(own)
        close(kept)
    }

    /// Sends commands in one datagram, with their sequence numbers.
    func send(_ commands: [(Command, UInt32)]) throws {
        var datagram: [UInt8] = []
        for (command, sequence) in commands {
            let body = try NetlinkCodec.message(for: command)
            datagram += NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: sequence, port: 9, payload: body.payload).bytes
        }
        _ = svs_control_send(own, datagram, datagram.count)
    }

    func ask(_ verb: UInt8, sequence: UInt32, dump: Bool = true) {
        let bytes = NetlinkMessage(
            type: ControlConstants.family, flags: dump ? 0x301 : 1, sequence: sequence, port: 9,
            payload: GenericMessage(command: verb).payload
        ).bytes
        _ = svs_control_send(own, bytes, bytes.count)
    }

    /// The messages of the next packet; none after ten seconds without one.
    func receive() -> [NetlinkMessage] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let length = svs_control_receive(own, &buffer, buffer.count)
        return length > 0 ? NetlinkMessage.messages(in: Array(buffer.prefix(length))) ?? [] : []
    }

    /// The next packet as an answer: sequence number and errno.
    func answer() -> [UInt32] {
        guard let message = receive().first, let refusal = message.refusal else { return [] }
        return [message.sequence, UInt32(refusal.errno)]
    }

    /// Nothing waits to be read.
    var isQuiet: Bool {
        var byte: UInt8 = 0
        return recv(own, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) < 0
    }
}
