@testable import Keeper

/// Messages between a director and its keeper: what is read is whole, and written again reads the same.
final class KeeperTarget: FuzzTarget {
    static var name: String { "keeper" }
    init() {}

    func run(_ input: [UInt8]) {
        tried.messages += 1
        if let request = DirectorRequest(input) { require(DirectorRequest(request.bytes) == request, "\(request)") }
        if let answer = KeeperAnswer(input) {
            require(KeeperAnswer(answer.bytes) == answer && !KeeperEvent.isEvent(answer.bytes), "\(answer)")
        }
        if let event = KeeperEvent(input) { require(KeeperEvent(event.bytes) == event, "\(event)") }
    }
}
