import Testing
import Wire

@testable import LVS

/// What services and servers carry, told a part at a time.
@Suite struct LoadPageTests {
    private func key(_ number: Int) -> ServiceKey {
        ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0200 + UInt32(number)), port: 80)
    }

    /// All parts of a director, and how many there were.
    private func all(_ director: borrowing Director) -> (services: [ServiceLoad], servers: [ServerLoad], parts: Int) {
        var services: [ServiceLoad] = [], servers: [ServerLoad] = [], place: UInt32? = 0, parts = 0
        while let from = place {
            let page = director.loads(from: from)
            services += page.services
            servers += page.servers
            place = page.next
            parts += 1
        }
        return (services, servers, parts)
    }

    @Test func everyServerIsTold() throws {
        var director = Director(connections: 16)
        #expect(all(director).parts == 2)
        for number in 0..<1100 {
            try director.apply(.addService(key(number), ServiceSettings(scheduler: "rr")))
            for port in 1...2 {
                let server = ServerKey(address: IPAddress(v4: 0x0a00_0001), port: UInt16(port))
                try director.apply(.addServer(key(number), server, ServerSettings(weight: Int32(port))))
            }
        }
        // What is gone is not told, and what takes its place is not taken for it.
        try director.apply(.deleteService(key(0)))
        try director.apply(.deleteServer(key(1), ServerKey(address: IPAddress(v4: 0x0a00_0001), port: 2)))
        try director.apply(.addService(key(5000), ServiceSettings(scheduler: "wlc")))
        let told = all(director), inventory = director.inventory()
        #expect(told.parts > 4 && director.serverCount == 2197 && told.servers.count == 2197)
        #expect(Set(told.services.map(\.key)) == Set(inventory.services.map(\.key)) && Set(told.services.map(\.number)).count == 1100)
        let byNumber = Dictionary(uniqueKeysWithValues: told.services.map { ($0.number, $0.key) })
        for record in inventory.services {
            let servers = told.servers.filter { byNumber[$0.service] == record.key }
            #expect(Set(servers.map(\.key)) == Set(record.servers.map(\.key)))
        }
        #expect(director.loads(from: .max).next == nil && director.loads(from: 70_000_000).servers.isEmpty)
    }
}
