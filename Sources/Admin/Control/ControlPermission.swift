import LVS
internal import SystemPackage

/// What a client may ask for beyond the family's number.
enum ControlPermission: Hashable {
    case everything
    /// What changes nothing and tells of no client: listings of services, status, explanations.
    case looking
    case nothing

    /// What of a request is not answered to whom it is given, by name; `nil` when it is.
    func refuses(_ request: ControlRequest) -> String? {
        switch request {
        case _ where self == .everything: nil
        case .change(let draft): draft.command.summary
        case .connections: "list connections"
        case .file(let name) where ProcFile(asked: name)?.tellsOfClients == true: "list connections"
        default: nil
        }
    }

    func refuses(_ question: ControlQuestion) -> String? { self == .everything ? nil : question.privilege }
}

extension ControlQuestion {
    /// What the question does or tells that is not for everybody; `nil` when anybody may know.
    fileprivate var privilege: String? {
        switch self {
        case .verdictCounters, .start, .switches, .explain, .virtualAddresses, .status, .loads, .versions: nil
        case .startRecording, .recorded, .recordedConnections, .endRecording: "record"
        case .resetConnections: "reset connections"
        case .setSwitch(let name, _): "set \(Quote.shortened(name))"
        }
    }
}

extension AskError {
    /// - Parameter name: what was asked.
    static func onlyLooking(_ name: String) -> AskError { AskError(.permissionDenied, "this socket is for looking only, not to \(name)") }
}
