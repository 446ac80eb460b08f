internal import Admin
public import Host
public import LVS
internal import Linux
internal import Wire

/// What keeper and director say to each other, all of it.
///
/// The director asks (`DirectorRequest`) and the keeper answers (`KeeperAnswer`), in order; what the director merely reports
/// has no answer. Beside that the keeper tells what happens (`KeeperEvent`). Each is one message of a `Channel`: its kind, then
/// the fields, as `FieldWriter` writes them; descriptors travel beside it. There are two channels: the engine's, and one for
/// the thread that reads files, so that no frame waits for a disk. Both ends are the same program, so there is no version; and
/// neither trusts the other: what cannot be read is an error, and the keeper does only what its command line lets it do.

/// What the director asks of the keeper.
public enum DirectorRequest: Equatable, Sendable {
    // Reports, which have no answer.
    /// Frames are directed.
    case working
    /// The first one has been.
    case firstFrame
    /// The director is at work; said every second.
    case alive
    /// The files were read again.
    case filesRead
    /// A client of the control socket has left.
    case clientLeft(UInt64)
    /// Neighbours whose MAC is wanted, and neighbours that are in use; the moment is the director's clock.
    case resolve([Network.NeighborKey], Instant)
    case refresh([Network.NeighborKey], Instant)
    /// The host's interfaces have changed.
    case interfacesChanged
    case stopLeading
    /// Frames that the director before had in hand are given back unread: how many, and those that are whole as a pcap file.
    case framesInHand(Int32, pcap: [UInt8])

    // Questions.
    case suppress(SuppressedTraffic)
    /// The sockets of one of the director's interfaces.
    case link(String)
    /// The same sockets, bound to the interface that has the name now.
    case rebind(String)
    /// A socket that only sends, on any interface.
    case sender(String)
    case device
    /// A socket of a synchronisation daemon.
    case sync(SyncEndpoint)
    /// Traffic of the host's own that is led into the device, and what the director's interfaces carry.
    case lead(OwnTraffic, mtu: Int)
    /// The socket that hears of the host's netfilter rules.
    case rulesChanges
    /// A program in the kernel that carries flows, at all interfaces whose links were asked for.
    case carry

    // On the channel for files.
    /// One of the files of the command line.
    case file(String)
    /// What one of the commands prints that show the host's netfilter rules.
    case output(String)
}

/// What the keeper answers.
public enum KeeperAnswer: Equatable, Sendable {
    case done
    /// What was asked, why it is refused, and the errno where there is one.
    case refused(HostError)
    /// Two sockets, the memory of the ring's position, and which ring: its number in that memory, blocks and slot size, 0
    /// without a ring.
    case link(interface: Int32, place: Int32, blocks: Int32, slotSize: Int32)
    /// A number of an interface.
    case interface(Int32)
    case device(name: String, index: Int32, hasOffload: Bool)
    /// A descriptor of a file.
    case file
    /// What a command printed, and to its error output; `nil` when there is no such command.
    case output(text: String?, errors: String)
}

/// What the keeper tells.
public enum KeeperEvent: Equatable, Sendable {
    /// A client of the control socket, with its descriptor; the number is its own for as long as the keeper lives. It may come by the
    /// socket at which nobody may command.
    case client(UInt64, onlyLooks: Bool)
    /// Every client was told of that there was when the director began.
    case clientsTold
    /// The kernel refused something that was only reported.
    case refusal(HostError)
    /// Another director is about to go on: this one is to end between two batches.
    case endForNext
    /// What svs upgrade asks about: who runs, and how the last upgrade went.
    case versions(String)
}

extension DirectorRequest {
    private enum Kind: UInt8 {
        case working, firstFrame, alive, filesRead, clientLeft, resolve, refresh, interfacesChanged, stopLeading, framesInHand
        case suppress, link, rebind, sender, device, lead, rulesChanges, file, output, sync, carry
    }

    /// Whether an answer follows.
    var wantsAnswer: Bool {
        switch self {
        case .working, .firstFrame, .alive, .filesRead, .clientLeft, .resolve, .refresh, .interfacesChanged, .stopLeading, .framesInHand:
            false
        default: true
        }
    }

    var bytes: [UInt8] {
        var out = FieldWriter()
        func begin(_ kind: Kind) { out.put(kind.rawValue) }
        switch self {
        case .working: begin(.working)
        case .firstFrame: begin(.firstFrame)
        case .alive: begin(.alive)
        case .filesRead: begin(.filesRead)
        case .clientLeft(let number):
            begin(.clientLeft)
            out.put(number)
        case .resolve(let keys, let now): begin(.resolve); Self.put(keys, now, &out)
        case .refresh(let keys, let now): begin(.refresh); Self.put(keys, now, &out)
        case .interfacesChanged: begin(.interfacesChanged)
        case .stopLeading: begin(.stopLeading)
        case .framesInHand(let count, let pcap):
            begin(.framesInHand)
            out.put(count)
            out.put(pcap)
        case .suppress(let traffic): begin(.suppress); out.put(traffic)
        case .link(let name): begin(.link); out.put(name)
        case .rebind(let name): begin(.rebind); out.put(name)
        case .sender(let name): begin(.sender); out.put(name)
        case .device: begin(.device)
        case .sync(let endpoint): begin(.sync); out.put(endpoint)
        case .lead(let traffic, let mtu):
            begin(.lead)
            out.put(traffic)
            out.put(Int64(mtu))
        case .rulesChanges: begin(.rulesChanges)
        case .carry: begin(.carry)
        case .file(let path): begin(.file); out.put(path)
        case .output(let command): begin(.output); out.put(command)
        }
        return out.bytes
    }

    private static func put(_ keys: [Network.NeighborKey], _ now: Instant, _ out: inout FieldWriter) {
        out.put(now)
        out.put(keys) { out, key in
            out.put(key.address)
            out.put(key.interface)
        }
    }

    /// `nil` for what is no request.
    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard let kind = fields.number(UInt8.self).flatMap(Kind.init), let request = Self.read(kind, &fields), fields.isAtEnd else {
            return nil
        }
        self = request
    }

    private static func read(_ kind: Kind, _ fields: inout FieldReader) -> Self? {
        switch kind {
        case .working: .working
        case .firstFrame: .firstFrame
        case .alive: .alive
        case .filesRead: .filesRead
        case .clientLeft: fields.number().map { .clientLeft($0) }
        case .resolve: neighbors(&fields).map { .resolve($0.0, $0.1) }
        case .refresh: neighbors(&fields).map { .refresh($0.0, $0.1) }
        case .interfacesChanged: .interfacesChanged
        case .stopLeading: .stopLeading
        case .framesInHand: framesInHand(&fields)
        case .suppress: fields.suppressedTraffic().map { .suppress($0) }
        case .link: fields.text().map { .link($0) }
        case .rebind: fields.text().map { .rebind($0) }
        case .sender: fields.text().map { .sender($0) }
        case .device: .device
        case .sync: fields.syncEndpoint().map { .sync($0) }
        case .lead: lead(&fields)
        case .rulesChanges: .rulesChanges
        case .carry: .carry
        case .file: fields.text().map { .file($0) }
        case .output: fields.text().map { .output($0) }
        }
    }

    private static func neighbors(_ fields: inout FieldReader) -> ([Network.NeighborKey], Instant)? {
        guard let now = fields.number(Instant.self),
            let keys = fields.list({ fields -> Network.NeighborKey? in
                guard let address = fields.address(), let interface = fields.number(Int32.self) else { return nil }
                return Network.NeighborKey(address: address, interface: interface)
            })
        else { return nil }
        return (keys, now)
    }

    private static func framesInHand(_ fields: inout FieldReader) -> Self? {
        guard let count = fields.number(Int32.self), count > 0, let pcap = fields.bytes() else { return nil }
        return .framesInHand(count, pcap: pcap)
    }

    private static func lead(_ fields: inout FieldReader) -> Self? {
        guard let traffic = fields.ownTraffic(), let mtu = fields.mtu() else { return nil }
        return .lead(traffic, mtu: mtu)
    }
}

extension KeeperAnswer {
    private enum Kind: UInt8 { case done, refused, link, interface, device, file, output }

    var bytes: [UInt8] {
        var out = FieldWriter()
        func begin(_ kind: Kind) { out.put(kind.rawValue) }
        switch self {
        case .done: begin(.done)
        case .refused(let error): begin(.refused); out.put(error)
        case .link(let interface, let place, let blocks, let slotSize):
            begin(.link)
            for number in [interface, place, blocks, slotSize] { out.put(number) }
        case .interface(let index): begin(.interface); out.put(index)
        case .device(let name, let index, let hasOffload):
            begin(.device)
            out.put(name)
            out.put(index)
            out.put(hasOffload)
        case .file: begin(.file)
        case .output(let text, let errors):
            begin(.output)
            out.put(text != nil)
            out.put(text ?? "")
            out.put(errors)
        }
        return out.bytes
    }

    /// `nil` for what is no answer.
    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard let kind = fields.number(UInt8.self).flatMap(Kind.init), let answer = Self.read(kind, &fields), fields.isAtEnd else {
            return nil
        }
        self = answer
    }

    private static func read(_ kind: Kind, _ fields: inout FieldReader) -> Self? {
        switch kind {
        case .done: return .done
        case .refused: return fields.hostError().map { .refused($0) }
        case .link:
            guard let interface = fields.number(Int32.self), let place = fields.number(Int32.self), let blocks = fields.number(Int32.self),
                let slotSize = fields.number(Int32.self)
            else { return nil }
            return .link(interface: interface, place: place, blocks: blocks, slotSize: slotSize)
        case .interface: return fields.number(Int32.self).map { .interface($0) }
        case .device:
            guard let name = fields.text(), let index = fields.number(Int32.self), let hasOffload = fields.flag() else { return nil }
            return .device(name: name, index: index, hasOffload: hasOffload)
        case .file: return .file
        case .output:
            guard let isThere = fields.flag(), let text = fields.text(), let errors = fields.text() else { return nil }
            return .output(text: isThere ? text : nil, errors: errors)
        }
    }
}
