import Glibc
import Host
import Testing
import Wire

@Suite(.enabled(if: isRoot)) struct RulesetNotification {
    /// Nothing is heard of the director's own table, however much it has, and all of others', however they are called.
    @Test func onlyOthersChangesAreHeardOf() throws {
        try inNamespace {
            try shell("ip link set lo up")
            let heard = try RulesetNotifications()
            var waiting: Bool {
                var state = pollfd(fd: heard.descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&state, 1, 0) == 1
            }
            let mute = try StackSuppressor(), address = IPAddress(v4: 0x0a07_0001)
            let services = (1...9000).map { SuppressedTraffic.Endpoint(proto: 6, address: address, port: UInt16($0)) }
            try mute.apply(SuppressedTraffic(services: services, interfaces: ["lo"]))
            try mute.apply(SuppressedTraffic(services: Array(services.prefix(9)), interfaces: ["lo"]))
            #expect(!waiting)
            for name in ["netdev svs_1x", "netdev sys_1", "ip svs_1", "netdev svs_1234567890123"] {
                try shell("nft add table \(name)")
                #expect(waiting, "\(name)")
                _ = try heard.drain()
                #expect(!waiting)
            }
            try shell("nft add table netdev svs_12_34567")
            #expect(!waiting)
            try shell("nft add table inet x")
            #expect(try heard.drain())
        }
    }
}
