extension ControlClient: ControlChannel {}

extension ControlFailure: ChannelFailure {
    public var refusal: Int32? {
        if case .broken = self { nil } else { errno }
    }
}
