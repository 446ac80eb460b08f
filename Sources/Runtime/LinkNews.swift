import LVS

/// What is said about the director's links: what goes wrong with each, once; and that an interface is back.
final class LinkNews {
    private let log: Log
    private let names: [String]
    private var said = RepeatFilter<Int32>()
    private var away: Set<String> = []
    private var unplugged: Set<String> = []

    /// - Parameter names: of the interfaces that frames are taken from.
    init(_ names: [String], log: Log) {
        self.names = names
        self.log = log
    }

    func complain(_ text: String, about interface: Int32) {
        if said.isNew(text, about: interface) { log.say(text) }
    }

    /// Takes notice of the host's interfaces as they are now.
    func follow(_ present: [Network.Interface]) {
        let up = Set(present.filter(\.isUp).map(\.name))
        for name in names where away.contains(name) && up.contains(name) {
            log.say("interface \(name) is up again")
            // When it goes once more, that is news.
            said = RepeatFilter()
        }
        away = Set(names).subtracting(up)
        let without = Set(present.filter { $0.isUp && !$0.hasCarrier }.map(\.name))
        for name in names where without.contains(name) != unplugged.contains(name) {
            if without.contains(name) {
                log.say("warning: interface \(name) has no carrier: nobody is at the other end of its cable")
            } else if up.contains(name) {
                log.say("interface \(name) has its carrier again")
            }
        }
        unplugged = without
    }
}
