import Admin
import Glibc
import LVS
import Testing
import Wire

/// The preload library from within: its own `send`, `recv` and so on, called on a netlink socket of this process.
@Suite(.serialized) struct ControlCarry {
    typealias Send = @convention(c) (Int32, UnsafeRawPointer?, Int, Int32) -> Int
    typealias Receive =
        @convention(c) (
            Int32, UnsafeMutableRawPointer?, Int, Int32, UnsafeMutableRawPointer?,
            UnsafeMutablePointer<UInt32>?
        ) -> Int
    typealias Name = @convention(c) (Int32, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    typealias Option = @convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    typealias SetOption = @convention(c) (Int32, Int32, Int32, UnsafeRawPointer?, UInt32) -> Int32

    /// Where this process's library looks for a director.
    static let folder: String = {
        let folder = temporaryFolder()
        setenv("SVS_CONTROL", folder + "/svs.sock", 1)
        return folder
    }()

    struct Library {
        let send: Send, receive: Receive, name: Name, option: Option, setOption: SetOption, control: Control
        init() throws {
            _ = ControlCarry.folder
            let handle = try #require(dlopen(try ControlPreload.library(), RTLD_NOW | RTLD_LOCAL))
            func find<Function>(_ name: String, _ type: Function.Type) throws -> Function {
                unsafeBitCast(try #require(dlsym(handle, name)), to: type)
            }
            send = try find("send", Send.self)
            receive = try find("recvfrom", Receive.self)
            name = try find("getsockname", Name.self)
            option = try find("getsockopt", Option.self)
            setOption = try find("setsockopt", SetOption.self)
            control = try find("epoll_ctl", Control.self)
        }
    }

    /// A generic netlink socket, used through the library.
    final class Socket {
        let library: Library
        let descriptor: Int32
        var sequence: UInt32 = 0
        /// The sender of what was received last: sockaddr_nl.
        var sender: [UInt8] = []

        init() throws {
            library = try Library()
            descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 16)
            try #require(descriptor >= 0)
            var name = [UInt8](repeating: 0, count: 12)
            name[0] = 16
            let isBound = name.withUnsafeBytes { bind(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), 12) }
            try #require(isBound == 0)
        }

        deinit { close(descriptor) }

        func ask(
            _ command: UInt8, type: UInt16 = ControlConstants.family, flags: UInt16 = 1,
            _ write: (inout AttributeWriter) -> Void = { _ in }
        ) -> Bool {
            sequence += 1
            var out = AttributeWriter()
            write(&out)
            let body = GenericMessage(command: command, attributes: out.bytes)
            let bytes = NetlinkMessage(type: type, flags: flags, sequence: sequence, port: 0, payload: body.payload).bytes
            return library.send(descriptor, bytes, bytes.count, 0) == bytes.count
        }

        func receive(flags: Int32 = 0) -> NetlinkMessage? {
            var buffer = [UInt8](repeating: 0xa5, count: 8192)
            var name = [UInt8](repeating: 0xa5, count: 12)
            var room: UInt32 = 12
            let length = library.receive(descriptor, &buffer, buffer.count, flags, &name, &room)
            sender = Array(name.prefix(Int(room)))
            guard length > 0 else { return nil }
            return NetlinkMessage.messages(in: Array(buffer.prefix(length)))?.first
        }

        func family() throws {
            try #require(ask(3, type: 0x10) { $0.put(2, string: "IPVS") })
            let answer = try #require(receive())
            let body = try #require(GenericMessage(answer.payload))
            #expect(answer.type == 0x10 && NetlinkAttributes(body.attributes)?.u16(1) == ControlConstants.family)
        }

        /// Of the connection that the descriptor has become.
        var inode: UInt64 {
            var file = stat()
            return fstat(descriptor, &file) == 0 ? UInt64(file.st_ino) : 0
        }

        /// Waits until the director's end is gone: programs that other tests start hold a copy of it until they begin.
        func waitForEnd() -> Bool {
            var state = pollfd(fd: descriptor, events: 0, revents: 0)
            return poll(&state, 1, 10_000) == 1 && state.revents & Int16(POLLHUP) != 0
        }

        var port: UInt32 {
            var name = [UInt8](repeating: 0, count: 12)
            var room: UInt32 = 12
            guard library.name(descriptor, &name, &room) == 0, name[0] == 16 else { return 0 }
            return name[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    @Test func anotherFamilyStaysWithTheKernel() throws {
        let bench = try ControlBench(in: Self.folder)
        let socket = try Socket()
        try #require(socket.ask(3, type: 0x10) { $0.put(2, string: "nlctrl") })
        let body = try #require(socket.receive().flatMap { GenericMessage($0.payload) })
        #expect(NetlinkAttributes(body.attributes)?.u16(1) == 0x10)
        _ = bench.stop()
    }

    @Test func aCarriedSocketLooksLikeNetlink() throws {
        let bench = try ControlBench(in: Self.folder)
        let socket = try Socket()
        let port = socket.port
        try socket.family()
        #expect(port != 0 && socket.port == port)
        #expect(socket.sender == [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        var domain: Int32 = 0
        var room: UInt32 = 4
        #expect(socket.library.option(socket.descriptor, SOL_SOCKET, 39, &domain, &room) == 0 && domain == AF_NETLINK)
        var on: Int32 = 1
        // SOL_NETLINK, NETLINK_EXT_ACK.
        #expect(socket.library.setOption(socket.descriptor, 270, 11, &on, 4) == 0)
        #expect(socket.ask(15))
        let answer = try #require(socket.receive(flags: Int32(MSG_PEEK | MSG_TRUNC)))
        // The request said port 0; the answer says the socket's.
        #expect(answer.port == port && answer == socket.receive())
        _ = bench.stop()
    }

    /// A director that is started after a while, by a thread of its own.
    final class LaterDirector: @unchecked Sendable {
        private var bench: ControlBench?
        private var thread = pthread_t()

        init() {
            pthread_create(
                &thread, nil,
                { context in
                    usleep(300_000)
                    if let context {
                        Unmanaged<LaterDirector>.fromOpaque(context).takeUnretainedValue().bench = try? ControlBench(
                            in: ControlCarry.folder)
                    }
                    return nil
                }, Unmanaged.passUnretained(self).toOpaque())
        }

        func stop() -> MemoryDirector? {
            pthread_join(thread, nil)
            return bench?.stop()
        }
    }

    /// A request to a director that is being started anew waits for it.
    @Test func aDirectorThatComesAgainIsWaitedFor() throws {
        let first = try ControlBench(in: Self.folder)
        let socket = try Socket()
        try socket.family()
        _ = first.stop()
        #expect(socket.waitForEnd())
        let second = LaterDirector()
        #expect(socket.ask(15))
        let answer = try #require(socket.receive())
        #expect(answer.type == ControlConstants.family && answer.sequence == socket.sequence)
        #expect(second.stop() != nil)
    }

    @Test func aDirectorThatIsGoneIsAnErrorAndALaterOneIsFound() throws {
        var bench = try ControlBench(in: Self.folder)
        let socket = try Socket()
        try socket.family()
        _ = bench.stop()
        for _ in 0..<3 {
            #expect(socket.ask(15))
            var ready = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            #expect(poll(&ready, 1, 5000) == 1)
            let answer = try #require(socket.receive())
            #expect(answer.refusal?.errno == ENODEV && answer.sequence == socket.sequence)
            // Nothing is on its way now; the kernel would let a caller wait, here there is nobody to wait for.
            #expect(socket.receive() == nil && errno == ECONNRESET)
        }
        bench = try ControlBench(in: Self.folder)
        #expect(socket.ask(17, flags: 5))
        #expect(socket.receive()?.refusal?.errno == 0)
        #expect(bench.stop().seen == [.flush])
    }

    // The C library's epoll functions are not in the Glibc module.
    typealias Create = @convention(c) (Int32) -> Int32
    typealias Control = @convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer?) -> Int32
    typealias Wait = @convention(c) (Int32, UnsafeMutableRawPointer?, Int32, Int32) -> Int32

    @Test func epollStillSeesTheDescriptor() throws {
        let create = unsafeBitCast(try #require(dlsym(nil, "epoll_create1")), to: Create.self)
        let wait = unsafeBitCast(try #require(dlsym(nil, "epoll_wait")), to: Wait.self)
        // struct epoll_event {u32 events, u64 data}, packed on x86-64 only; events EPOLLIN.
        #if arch(x86_64)
            var event: [UInt8] = [1, 0, 0, 0] + [1, 2, 3, 4, 5, 6, 7, 8]
        #else
            var event: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0] + [1, 2, 3, 4, 5, 6, 7, 8]
        #endif
        let bench = try ControlBench(in: Self.folder)
        let socket = try Socket()
        let instance = create(0)
        #expect(socket.library.control(instance, 1, socket.descriptor, &event) == 0)
        try socket.family()
        #expect(socket.ask(15))
        var seen = [UInt8](repeating: 0xa5, count: event.count)
        #expect(wait(instance, &seen, 1, 5000) == 1)
        #expect(seen.suffix(8) == [1, 2, 3, 4, 5, 6, 7, 8])
        close(instance)
        _ = bench.stop()
    }

    /// Programs open a socket for each message, and close it without reading the acknowledgement.
    @Test func aSocketThatIsClosedLeavesItsConnectionToTheNext() throws {
        let bench = try ControlBench(in: Self.folder)
        var first: Socket? = try Socket()
        try first?.family()
        let connection = first?.inode
        #expect(first?.ask(15, flags: 5) == true && first?.receive()?.type == ControlConstants.family)
        first = nil
        var second: Socket? = try Socket()
        try second?.family()
        #expect(second?.inode == connection)
        #expect(second?.ask(17, flags: 5) == true)
        #expect(second?.receive()?.refusal?.errno == 0)
        // What is in use is nobody else's.
        let third = try Socket()
        try third.family()
        #expect(third.inode != connection)
        second = nil
        var fourth: Socket? = try Socket()
        try fourth?.family()
        #expect(fourth?.inode != connection && fourth?.inode != third.inode)
        // Nobody can tell when such an answer has come whole.
        let unanswered = fourth?.inode
        #expect(fourth?.ask(15) == true)
        fourth = nil
        let fifth = try Socket()
        try fifth.family()
        #expect(fifth.inode != unanswered)
        #expect(bench.stop().seen == [.flush])
    }

    @Test func aDescriptorThatIsUsedAgainIsNoLongerCarried() throws {
        let bench = try ControlBench(in: Self.folder)
        let carried = try Socket()
        try carried.family()
        let plain = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 16)
        #expect(dup2(plain, carried.descriptor) == carried.descriptor)
        close(plain)
        #expect(carried.ask(3, type: 0x10) { $0.put(2, string: "nlctrl") })
        #expect(carried.receive().flatMap { GenericMessage($0.payload) } != nil)
        #expect(bench.stop().seen.isEmpty)
    }
}
