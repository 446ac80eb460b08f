import Admin
import LVS
import Wire

/// The engine behind the control protocol: every command is written as a netlink message and read again, as between
/// `svs adm` and `svs run`.
final class EngineDirector: ControlChannel {
    typealias Failure = MockRefusal

    private var director: Director

    init() {
        director = Director(connections: 1024)
        var network = Network()
        network.interfaces = [.init(index: 1, name: "lo", mac: MACAddress(bits: 0), mtu: 65536, isLoopback: true)]
        network.addresses = [.init(address: IPAddress(v4: 0x7f00_0001), prefixLength: 8, interface: 1)]
        director.network = network
    }

    func apply(_ command: Command) throws(MockRefusal) {
        do throws(CommandError) {
            let message = try NetlinkCodec.message(for: command)
            guard case .change(let draft)? = try NetlinkCodec.request(message, isDump: false) else { throw .invalid }
            try director.apply(draft.command)
        } catch {
            throw MockRefusal(errno: error.errno)
        }
    }

    func inventory() -> Inventory {
        do throws(CommandError) {
            var carried = director.inventory()
            carried.services = []
            for record in director.inventory().services {
                var service = try NetlinkCodec.service(NetlinkCodec.message(for: record))
                for server in record.servers {
                    service.servers.append(try NetlinkCodec.server(NetlinkCodec.message(for: server), of: record.key.family))
                }
                carried.services.append(service)
            }
            return carried
        } catch {
            return Inventory()
        }
    }

    func inventory(of key: ServiceKey) throws(MockRefusal) -> Inventory {
        var one = inventory()
        one.services.removeAll { $0.key != key }
        guard !one.services.isEmpty else { throw MockRefusal(errno: CommandError.noSuchService.errno) }
        return one
    }

    func connections(_ each: (ConnectionRecord) -> Void) { director.connectionRecords().forEach(each) }
}
