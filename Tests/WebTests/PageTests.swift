import Admin
import LVS
import Testing
import Wire

@testable import Web

@Suite struct PageTests {
    private static func director() -> MadeUpDirector {
        var values = MadeUpDirector.Values()
        values.status.version = "1.2.3"
        values.status.verdicts = [.init(name: "direct-routing", frames: 9, rate: 1), .init(name: "no-route", frames: 3, rate: 2)]
        values.status.interfaces = [.init(name: "<b>&\"'", state: .down)]
        values.status.gaveWay = [.init(name: "half-open", number: 4)]
        values.status.controlSteps.counts = [5, 1, 0, 0, 2]
        values.status.controlSteps.total = 1_500_000_000
        values.services = [MadeUpDirector.service(1, 0xc000_0201, connections: 3)]
        values.servers = [
            MadeUpDirector.server(1, 0x0a00_0001, active: 2, inactive: 1), MadeUpDirector.server(1, 0x0a00_0002, weight: 0, active: 6),
        ]
        return MadeUpDirector(values)
    }

    private static func site(_ director: MadeUpDirector) throws -> Site {
        Site(try Observer(director), Explainer(path: "/nowhere/monitor.sock", patience: 1), hosts: AllowedHosts(IPAddress(v4: 0x7f00_0001)))
    }

    private static func get(_ site: Site, _ target: String, _ fields: [String] = ["Host: localhost"], method: String = "GET") async throws
        -> (
            status: Int, text: String, head: String
        )
    {
        let head = try RequestHead(Array("\(method) \(target) HTTP/1.1\r\n\(fields.joined(separator: "\r\n"))\r\n\r\n".utf8))
        let response = await site.response(to: head)
        return (response.status.rawValue, String(decoding: response.body, as: UTF8.self), response.head(staysOpen: true))
    }

    @Test func everythingFromElsewhereIsText() async throws {
        let site = try Self.site(Self.director())
        let page = try await Self.get(site, "/?q=%3Cscript%3Ealert(1)%3C/script%3E")
        #expect(page.status == 200 && !page.text.contains("<b>") && page.text.contains("&lt;b&gt;&amp;&quot;&#39;"))
        #expect(!page.text.contains("<script>alert") && page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        let explained = try await Self.get(site, "/explain?packet=%3Cimg%20src=x%3E")
        #expect(explained.status == 200 && !explained.text.contains("<img") && explained.text.contains("&lt;img src=x&gt;"))
        #expect(
            explained.text.contains("nowhere/monitor.sock: its folder does not exist") || explained.text.contains("there is no such socket")
        )
    }

    @Test func thePageSaysItWithoutAScript() async throws {
        let site = try Self.site(Self.director())
        let page = try await Self.get(site, "/")
        for words in [
            "svs 1.2.3", "TCP 192.0.2.1:80", "1 of 2", "1 draining", "no route to where it must go", "half-open 4",
            "http-equiv=\"refresh\"", "interface &lt;b&gt;&amp;&quot;&#39;: down",
        ] { #expect(page.text.contains(words), "\(words)") }
        // What is dropped comes first.
        let dropped = try #require(page.text.firstRange(of: "v-no-route")),
            sent = try #require(page.text.firstRange(of: "v-direct-routing"))
        #expect(dropped.lowerBound < sent.lowerBound)
        let servers = try await Self.get(site, "/service?id=1&part=1")
        #expect(servers.text.contains("10.0.0.2:80") && servers.text.contains("6 of 6 left") && !servers.text.contains("<html"))
        #expect(try await Self.get(site, "/service?id=2").status == 404)
        #expect(try await Self.get(site, "/?q=10.0.0.2").text.contains("192.0.2.1:80"))
        #expect(try await Self.get(site, "/?q=10.0.0.9").text.contains("192.0.2.1:80") == false)
    }

    @Test func nobodyElsesPageGetsAnything() async throws {
        let site = try Self.site(Self.director())
        for fields in [["Host: evil.example"], ["X: y"]] { #expect(try await Self.get(site, "/metrics", fields).status == 421) }
        for fields in [
            ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
        ] {
            #expect(try await Self.get(site, "/explain?packet=x", ["Host: localhost"] + fields).status == 403)
        }
        let link = ["Host: localhost", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"]
        #expect(try await Self.get(site, "/", link).status == 200)
        #expect(try await Self.get(site, "/explain", link).status == 403)
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] { #expect(try await Self.get(site, "/", method: method).status == 405) }
        let head = try await Self.get(site, "/").head
        for field in [
            "Content-Security-Policy: default-src 'none'", "frame-ancestors 'none'", "X-Content-Type-Options: nosniff", "no-store",
        ] {
            #expect(head.contains(field))
        }
        for path in ["/style.css", "/script.js", "/icon.svg", "/status.json", "/metrics"] {
            #expect(try await Self.get(site, path).status == 200)
        }
        #expect(try await Self.get(site, "/../etc/passwd").status == 404)
    }

    @Test func metrics() async throws {
        let director = Self.director(), site = try Self.site(director)
        let text = try await Self.get(site, "/metrics").text
        for line in [
            "svs_up 1", "svs_info{version=\"1.2.3\"} 1", "svs_frames_total{verdict=\"no-route\",fate=\"dropped\"} 3",
            "svs_frames_total{verdict=\"malformed\",fate=\"dropped\"} 0", "svs_interface_up{interface=\"<b>&\\\"'\"} 0",
            "svs_control_step_seconds_bucket{le=\"0.0005\"} 6", "svs_control_step_seconds_bucket{le=\"+Inf\"} 8",
            "svs_control_step_seconds_sum 1.5",
            "node_ipvs_backend_connections_active{local_address=\"192.0.2.1\",local_port=\"80\",remote_address=\"10.0.0.1\",remote_port=\"80\",proto=\"TCP\",local_mark=\"\"} 2",
            "node_ipvs_backend_weight{local_address=\"192.0.2.1\",local_port=\"80\",remote_address=\"10.0.0.2\",remote_port=\"80\",proto=\"TCP\",local_mark=\"\"} 0",
            "svs_service_usable_servers{local_address=\"192.0.2.1\",local_port=\"80\",local_mark=\"\",proto=\"TCP\"} 1",
            "svs_service_connections_total{local_address=\"192.0.2.1\",local_port=\"80\",local_mark=\"\",proto=\"TCP\"} 30",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
        #expect(!text.contains("svs_server_"))
        #expect(try await Self.get(site, "/metrics?servers=all").text.contains("svs_server_connections_total{"))
    }

    @Test(arguments: [
        (UInt64(0), "0", "0 B"), (999, "999", "999 B"), (1000, "1,000", "1.00 kB"), (99_999, "99,999", "100 kB"),
        (123_456, "123 k", "123 kB"),
        (999_999, "1.00 M", "1.00 MB"), (1_234_567, "1.23 M", "1.23 MB"), (12_345_678, "12.3 M", "12.3 MB"), (.max, "18.4 E", "18.4 EB"),
    ])
    func amounts(number: UInt64, count: String, bytes: String) { #expect(Amount.count(number) == count && Amount.bytes(number) == bytes) }

    @Test(arguments: [(UInt64(0), "0"), (1, "0.000000001"), (100_000, "0.0001"), (1_500_000_000, "1.5"), (3_000_000_000, "3")])
    func seconds(nanoseconds: UInt64, text: String) { #expect(MetricsText.seconds(nanoseconds) == text) }

    @Test func marksAreNamedAsInTheKernel() {
        let mark = ServiceName(ServiceKey(mark: 0x1f, family: .v4))
        #expect((mark.proto, mark.mark, mark.address, mark.port) == ("FWM", "0000001F", "", "0"))
    }

    @Test func manyServicesComeInParts() {
        let services = (0..<120).map { ObservedService(MadeUpDirector.service(UInt64($0), UInt32($0), connections: UInt64($0 % 7))) }
        func page(_ query: [String: String]) -> String { ServicesTable(services, ServiceChoice(query)).html.description }
        #expect(
            page([:]).contains("part 1 of 3") && page(["from": "2"]).contains("href=\"/?from=1\"") && !page(["from": "2"]).contains("later")
        )
        #expect(page(["q": "0.0.0.11 wlc"]).contains("11 of 120 services"))
        let sorted = ServiceChoice(["sort": "connections"]).rows(of: services, name: { _ in "" }) { $0.key($1.load.statistics, active: 0) }
            .rows
        #expect(sorted.first?.load.number == 6 && sorted.count == 50)
    }
}
