public import Wire

extension Network {
    /// The address that a master's messages come from: the first one of its interface, or else of any other (IPv4), or the one
    /// that goes with the group (IPv6); `nil` without any.
    public func syncSource(of daemon: SyncDaemon) -> IPAddress? {
        guard let group = daemon.group, let interface = interface(named: daemon.interface) else { return nil }
        guard group.isV4 else {
            let source = sourceAddress6(towards: group, on: interface.index)
            return source.isUnspecified ? nil : source
        }
        let candidates = addresses.filter { $0.address.isV4 && !$0.isSecondary && $0.scope == 0 }
        return (candidates.first { $0.interface == interface.index } ?? candidates.first)?.address
    }
}
