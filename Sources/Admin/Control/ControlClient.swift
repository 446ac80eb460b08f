import CLinux
import Glibc
public import LVS
internal import Wire

/// The asking end of the control socket, for `svs adm` and its kin. One request at a time; each call waits for its answer.
public final class ControlClient {
    public let path: String
    private var descriptor: Int32
    private let patience: UInt32
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 4 * ControlConstants.requestLength)

    /// Seconds that an answer is waited for where nobody says otherwise.
    public static var usualPatience: UInt32 { 5 }

    /// Connects to the director that listens at `path`. After `patience` seconds without an answer a call fails (0: never).
    public init(path: String, patience: UInt32 = usualPatience) throws(ControlError) {
        self.path = path
        self.patience = patience
        descriptor = svs_control_connect(path, patience)
        guard descriptor >= 0 else { throw .connecting(path, 0 &- descriptor, patience) }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// Lets the director do `command`.
    public func apply(_ command: Command) throws(ControlFailure) {
        if let failure = apply([command])[0] { throw failure }
    }

    /// Lets the director do several commands one after the other, asked for together: a few dozen at a time.
    /// - Returns: for each why it came to nothing, if so; behind a connection that broke, the rest is missing.
    public func apply(_ commands: [Command]) -> [ControlFailure?] {
        var failures: [ControlFailure?] = [], packets: [[UInt8]] = [], asked: [UInt32: Int] = [:]
        for command in commands {
            do throws(CommandError) {
                let request = request(try NetlinkCodec.message(for: command), NetlinkMessage.Flags.ack), bytes = request.bytes
                asked[request.sequence] = failures.count
                if let last = packets.indices.last, packets[last].count + bytes.count <= ControlConstants.requestLength {
                    packets[last] += bytes
                } else {
                    packets.append(bytes)
                }
                failures.append(nil)
            } catch { failures.append(.refused(error)) }
        }
        guard !asked.isEmpty else { return failures }
        do throws(ControlFailure) {
            for packet in packets { try send(packet) }
            try receive { message throws(ControlFailure) in
                guard let place = asked.removeValue(forKey: message.sequence), let refusal = message.refusal else { return nil }
                if refusal.errno != 0 {
                    failures[place] =
                        CommandError(errno: refusal.errno, to: commands[place]).map { .refused($0) }
                        ?? .denied(errno: refusal.errno, refusal.text)
                }
                return asked.isEmpty
            }
        } catch {
            // Those that were answered are done.
            let first = asked.values.min() ?? 0
            return Array(failures[..<first]) + [error]
        }
        return failures
    }

    /// Everything at one moment.
    public func inventory() throws(ControlFailure) -> Inventory {
        try inventory(GenericMessage(command: ControlConstants.Verb.getInventory))
    }

    /// The same with one service only, `.refused(.noSuchService)` when there is none.
    public func inventory(of key: ServiceKey) throws(ControlFailure) -> Inventory {
        var out = AttributeWriter()
        out.nest(ControlConstants.Top.service) { NetlinkCodec.write(key, to: &$0) }
        do throws(ControlFailure) {
            return try inventory(GenericMessage(command: ControlConstants.Verb.getInventory, attributes: out.bytes))
        } catch {
            throw error.errno == ESRCH ? .refused(.noSuchService) : error
        }
    }

    /// Services, and servers of them all, that a director can have.
    private static let mostRecords = 1 << 16

    /// Asks once more when the director was started anew while it told.
    private func inventory(_ request: GenericMessage) throws(ControlFailure) -> Inventory {
        do throws(ControlFailure) { return try toldInventory(request) } catch {
            guard error.errno == EINTR else { throw error }
            return try toldInventory(request)
        }
    }

    private func toldInventory(_ request: GenericMessage) throws(ControlFailure) -> Inventory {
        var inventory = Inventory(), servers = 0
        try exchange(request, NetlinkMessage.Flags.dump) { message throws(CommandError) in
            switch message.command {
            case ControlConstants.Verb.setInfo: (inventory.tableSize, inventory.total) = try NetlinkCodec.info(message)
            case ControlConstants.Verb.setConfig: inventory.timeouts = try NetlinkCodec.timeouts(message)
            case ControlConstants.Verb.newDaemon where inventory.daemons.count < 2:
                inventory.daemons.append(try NetlinkCodec.daemon(message))
            case ControlConstants.Verb.newService:
                guard inventory.services.count < Self.mostRecords else { throw .invalid }
                inventory.services.append(try NetlinkCodec.service(message))
            case ControlConstants.Verb.newServer:
                servers += 1
                guard let last = inventory.services.indices.last, servers <= Self.mostRecords else { throw .invalid }
                let family = inventory.services[last].key.family
                inventory.services[last].servers.append(try NetlinkCodec.server(message, of: family))
            default: break
            }
        }
        return inventory
    }

    /// The whole connection table.
    public func connections() throws(ControlFailure) -> [ConnectionRecord] {
        var all: [ConnectionRecord] = []
        try connections { all.append($0) }
        return all
    }

    /// The connection table one entry at a time, without holding all of it.
    public func connections(_ each: (ConnectionRecord) -> Void) throws(ControlFailure) {
        try exchange(GenericMessage(command: ControlConstants.Verb.getConnections), NetlinkMessage.Flags.dump) {
            message throws(CommandError) in each(try NetlinkCodec.connection(message))
        }
    }

    /// Most bytes of a question.
    public static var longestQuestion: Int { 60_000 }

    /// Asks what the kernel's interface has no words for.
    public func ask(_ question: ControlQuestion) throws(ControlFailure) -> ControlReply {
        let bytes = question.bytes
        guard bytes.count <= Self.longestQuestion else {
            throw .denied(errno: EMSGSIZE, "a question to svs run has at most \(Self.longestQuestion) bytes")
        }
        var out = AttributeWriter()
        out.put(ControlConstants.Top.payload, bytes: bytes)
        var answer: [UInt8] = []
        try exchange(GenericMessage(command: ControlConstants.Verb.ask, attributes: out.bytes), NetlinkMessage.Flags.dump) {
            message throws(CommandError) in
            guard let attributes = NetlinkAttributes(message.attributes),
                let piece = attributes.bytes(ControlConstants.Top.payload)
            else { throw .invalid }
            guard answer.count + piece.count <= Self.longestAnswer else { throw .invalid }
            answer += piece
        }
        guard let reply = ControlReply(answer) else { throw broken(EPROTO) }
        return reply
    }

    /// Asks a question whose answer is text.
    public func text(_ question: ControlQuestion) throws(ControlFailure) -> String {
        guard case .text(let text) = try ask(question) else { throw broken(EPROTO) }
        return text
    }

    /// What the director says of itself.
    public func status() throws(ControlFailure) -> DirectorStatus {
        guard case .status(var status) = try ask(.status) else { throw broken(EPROTO) }
        let ordered = status.addresses.map { (key: IPAddress($0.address), value: $0) }.sorted {
            if let first = $0.key, let second = $1.key { first < second } else { $0.key != nil && $1.key == nil }
        }
        status.addresses = ordered.map(\.value)
        return status
    }

    /// What all services and servers carry. They are told a part at a time, so what comes and goes meanwhile may be missing.
    public func loads() throws(ControlFailure) -> (services: [ServiceLoad], servers: [ServerLoad]) {
        var services: [ServiceLoad] = [], servers: [ServerLoad] = [], place: UInt32? = 0
        while let from = place {
            guard case .loads(let page) = try ask(.loads(from: from)), (page.next ?? .max) > from else { throw broken(EPROTO) }
            services += page.services
            servers += page.servers
            place = page.next
        }
        return (services, servers)
    }

    /// Asks for the next piece of something.
    public func chunk(_ question: ControlQuestion) throws(ControlFailure) -> ControlReply.Chunk {
        guard case .chunk(let chunk) = try ask(question) else { throw broken(EPROTO) }
        return chunk
    }

    /// Has the director begin a recording.
    public func startRecording(_ request: ControlQuestion.RecordingRequest) throws(ControlFailure) -> ControlReply.RecordingStart {
        guard case .recordingStart(let start) = try ask(.startRecording(request)) else { throw broken(EPROTO) }
        return start
    }

    public func endRecording() throws(ControlFailure) -> ControlReply.RecordingEnd {
        guard case .recordingEnd(let end) = try ask(.endRecording) else { throw broken(EPROTO) }
        return end
    }

    /// Bytes of the longest answer but that of a table, and messages of other requests that are overlooked in one: a director sends
    /// no more.
    private static let longestAnswer = 256 << 20, mostStrange = 1000

    /// Sends a request and hands over its answers until the acknowledgement, the end of the dump or a refusal.
    private func exchange(
        _ body: GenericMessage, _ flags: UInt16,
        _ each: (GenericMessage) throws(CommandError) -> Void
    ) throws(ControlFailure) {
        let request = request(body, flags)
        try send(request.bytes)
        try receive { message throws(ControlFailure) in
            guard message.sequence == request.sequence else { return nil }
            if message.type == NetlinkMessage.Kind.done { return true }
            if let refusal = message.refusal {
                if refusal.errno == 0 { return true }
                throw .denied(errno: refusal.errno, refusal.text)
            }
            guard message.type == ControlConstants.family, let body = GenericMessage(message.payload) else { throw broken(EPROTO) }
            do throws(CommandError) { try each(body) } catch { throw broken(EPROTO) }
            return false
        }
    }

    private func request(_ body: GenericMessage, _ flags: UInt16) -> NetlinkMessage {
        sequence &+= 1
        return NetlinkMessage(
            type: ControlConstants.family, flags: NetlinkMessage.Flags.request | flags, sequence: sequence, port: 0, payload: body.payload)
    }

    private func send(_ packet: [UInt8]) throws(ControlFailure) {
        guard descriptor >= 0 else { throw .broken(.talking(path, EPIPE, patience)) }
        let sent = svs_control_send(descriptor, packet, packet.count)
        guard sent >= 0 else { throw broken(Int32(clamping: 0 - sent)) }
    }

    /// Hands over messages until `take` has what it waited for.
    /// - Parameter take: `nil` for a message that it has not asked for.
    private func receive(_ take: (NetlinkMessage) throws(ControlFailure) -> Bool?) throws(ControlFailure) {
        var strange = 0
        while true {
            let length = svs_control_receive(descriptor, &buffer, buffer.count)
            guard length > 0 else { throw broken(Int32(clamping: 0 - length)) }
            guard length <= buffer.count, let messages = NetlinkMessage.messages(in: Array(buffer.prefix(length))) else {
                throw broken(EPROTO)
            }
            for message in messages {
                switch try take(message) {
                case true?: return
                case false?: break
                case nil:
                    strange += 1
                    guard strange <= Self.mostStrange else { throw broken(EPROTO) }
                }
            }
        }
    }

    /// After a failure in mid-answer the connection is of no more use.
    private func broken(_ errno: Int32) -> ControlFailure {
        Glibc.close(descriptor)
        descriptor = -1
        return .broken(.talking(path, errno, patience))
    }
}
