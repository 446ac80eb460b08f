import Glibc
import LVS
import SystemPackage

extension ControlServer {
    /// Times that a request is begun: one that ended so many directors is refused.
    private static var tries: UInt64 { 3 }

    /// Does some of what a message asks for, where that takes long; true when the rest is short, and `answer` next.
    func shorten<Target: ControlTarget & ~Copyable>(
        _ request: NetlinkMessage, _ number: RequestNumber, from peer: ControlPeer, _ target: inout Target
    ) -> Bool {
        guard peer.permission == .everything, request.flags & NetlinkMessage.Flags.request != 0,
            request.type == ControlConstants.family, request.payload.count >= 4, request.payload[0] == ControlConstants.Verb.flush,
            target.promised(to: number) == nil, peer.row.tries < Self.tries || peer.isCounted
        else { return true }
        peer.countTry()
        return target.shorten(.flush)
    }

    /// Answers one message, or goes on where whoever answered before ended; `nil` when it wants no answer.
    func answer<Target: ControlTarget & ~Copyable>(
        _ request: NetlinkMessage, _ number: RequestNumber, from peer: ControlPeer, _ target: inout Target
    ) -> ControlAnswer? {
        if let packet = target.promised(to: number) { return packet.isEmpty ? nil : ControlAnswer(packet: packet) }
        if peer.row.partial == number.number {
            return Self.refusal(AskError(.interrupted, "the director was started anew in the middle of the answer; ask again"), of: request)
        }
        guard peer.row.tries < Self.tries || peer.isCounted else {
            let text = "\(peer.row.tries) directors ended while they worked at this request"
            return Self.refusal(AskError(.ioError, text), of: request)
        }
        peer.countTry()
        return work(request, number, from: peer, &target)
    }

    private func work<Target: ControlTarget & ~Copyable>(
        _ request: NetlinkMessage, _ number: RequestNumber, from peer: ControlPeer, _ target: inout Target
    ) -> ControlAnswer? {
        func refuse(_ errno: Int32) -> ControlAnswer { ControlAnswer(.answer(errno: errno, to: request)) }
        let promise = request.wantsAck ? NetlinkMessage.answer(errno: 0, to: request).bytes : []
        let acknowledgement = request.wantsAck ? ControlAnswer(packet: promise) : nil
        // As the kernel does: neither the protocol's own messages nor what is no request is looked at.
        guard request.flags & NetlinkMessage.Flags.request != 0, request.type >= NetlinkMessage.Kind.controller else {
            return acknowledgement
        }
        guard let body = GenericMessage(request.payload) else { return refuse(EINVAL) }
        if request.type == NetlinkMessage.Kind.controller { return FamilyDirectory.answer(request, body) }
        guard request.type == ControlConstants.family else { return refuse(ENOENT) }
        guard peer.permission != .nothing else { return refuse(EPERM) }
        do throws(CommandError) {
            guard let asked = try NetlinkCodec.request(body, isDump: request.isDump) else { return refuse(EOPNOTSUPP) }
            if let name = peer.permission.refuses(asked) { return Self.refusal(.onlyLooking(name), of: request) }
            let isExact = NetlinkCodec.namesRanges(body)
            if case .change(let draft) = asked {
                try change(draft, isExact: isExact, .init(request: number, packet: promise), from: peer, &target)
                return acknowledgement
            }
            return try tell(asked, request, from: peer, isExact: isExact, &target)
        } catch {
            return refuse(error.errno)
        }
    }

    private static func refusal(_ error: AskError, of request: NetlinkMessage) -> ControlAnswer {
        ControlAnswer(.answer(errno: max(error.errno, 1), to: request, text: error.message))
    }

    private func change<Target: ControlTarget & ~Copyable>(
        _ draft: CommandDraft, isExact: Bool, _ promise: JournalRecord.KeptAnswer, from peer: ControlPeer, _ target: inout Target
    ) throws(CommandError) {
        do throws(CommandError) {
            try apply(draft, promise, from: peer, &target)
        } catch {
            guard error == .noSuchService, !isExact, let key = draft.service,
                let ranged = target.service(shownAs: key)
            else {
                carriedOut(draft.command, error, peer.descriptor)
                throw error
            }
            try apply(draft.about(ranged.key), promise, from: peer, &target)
        }
    }

    private func apply<Target: ControlTarget & ~Copyable>(
        _ draft: CommandDraft, _ promise: JournalRecord.KeptAnswer, from peer: ControlPeer, _ target: inout Target
    ) throws(CommandError) {
        var command = draft.command
        if draft.leavesThings, let key = draft.service, let service = target.service(key) { command = draft.resolved(with: service) }
        try target.apply(command, promising: promise)
        carriedOut(command, nil, peer.descriptor)
    }

    private func tell<Target: ControlTarget & ~Copyable>(
        _ asked: ControlRequest, _ request: NetlinkMessage, from peer: ControlPeer, isExact: Bool,
        _ target: inout Target
    ) throws(CommandError) -> ControlAnswer? {
        func find(_ key: ServiceKey) -> ServiceRecord? {
            // A client that knows no ranges sees a service under its first port, and means it by that.
            target.service(key) ?? (isExact ? nil : target.service(shownAs: key))
        }
        switch asked {
        case .change: return nil
        case .info:
            return ControlAnswer(reply: NetlinkCodec.info(tableSize: target.summary().tableSize, total: nil), to: request)
        case .timeouts:
            return ControlAnswer(reply: NetlinkCodec.message(for: target.summary().timeouts), to: request)
        case .services:
            return ControlAnswer(servicesTo: request) { page in
                page.services.dropFirst(page.isContinued ? 1 : 0).map { NetlinkCodec.message(for: $0) }
            }
        case .service(let key):
            guard let service = find(key) else { throw .noSuchService }
            return ControlAnswer(reply: NetlinkCodec.message(for: service), to: request)
        case .servers(let key):
            let servers = find(key)?.servers ?? []
            return ControlAnswer(dump: servers.lazy.map { NetlinkCodec.message(for: $0) }, to: request)
        case .daemons:
            return ControlAnswer(dump: target.summary().daemons.lazy.map { NetlinkCodec.message(for: $0) }, to: request)
        case .inventory(let key):
            let limit = ControlConstants.ownPacketLength, head = NetlinkCodec.messages(for: target.summary())
            guard let key else {
                return ControlAnswer(servicesTo: request, head: head, limit: limit) { NetlinkCodec.messages(for: $0) }
            }
            guard let service = find(key) else { throw .noSuchService }
            return ControlAnswer(dump: head + NetlinkCodec.messages(for: InventoryPage(services: [service])), to: request, limit: limit)
        case .connections:
            return ControlAnswer(connectionsTo: request) { $0.map { NetlinkCodec.message(for: $0) } }
        case .file(let name):
            guard let file = ProcFile(asked: name) else { return Self.refusal(.unknown(name), of: request) }
            return file.answer(of: target, to: request)
        case .question(let bytes):
            do throws(AskError) {
                let question = try ControlQuestion(bytes)
                if let name = peer.permission.refuses(question) { throw .onlyLooking(name) }
                return ControlAnswer(pieces: try target.answer(question, from: peer.descriptor).pieces, to: request)
            } catch { return Self.refusal(error, of: request) }
        }
    }
}

extension NetlinkCodec {
    /// What stands before the services of an inventory.
    fileprivate static func messages(for summary: Inventory) -> [GenericMessage] {
        [info(tableSize: summary.tableSize, total: summary.total), message(for: summary.timeouts)]
            + summary.daemons.map { message(for: $0) }
    }

    /// Services, each before its servers.
    fileprivate static func messages(for page: InventoryPage) -> [GenericMessage] {
        var messages: [GenericMessage] = []
        for (place, service) in page.services.enumerated() {
            if place > 0 || !page.isContinued { messages.append(message(for: service)) }
            for server in service.servers { messages.append(message(for: server)) }
        }
        return messages
    }
}
