import Testing
import Wire

@Suite struct AddressTests {
    /// Text that is read, and how it is written (RFC 5952 sections 4 and 5).
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.200.7.1", "10.200.7.1"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("2001:db8::0:1", "2001:db8::1"), ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:DB8::ABCD:EF01", "2001:db8::abcd:ef01"), ("0:0:1::", "0:0:1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:0:0:4:5:6:7:8", "1::4:5:6:7:8"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:c000:201", "192.0.2.1"), ("::fffe:c000:201", "::fffe:c000:201"),
        ("::192.0.2.1", "::192.0.2.1"), ("::1:2", "::0.1.0.2"), ("fe80::1", "fe80::1"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(address.description) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1..2.3", ".1.2.3", "1.2.3.", "1.2.3.4 ",
        " 1.2.3.4", "+1.2.3.4", "-1.2.3.4", "1.2.3.-0", "0x1.2.3.4", "1.2.3.٤", "1.2.3.4/24", "a.b.c.d",
        ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2:3:4:5:6:7:8",
        "1::2::3", "::1::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", ":1::", "1:", "12345::", "::g", "::-1", "::+1", "::-0", "-0::",
        "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "1.2.3.4::", "1.2.3.4::1", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1%eth0", "[::1]", "::1/64", "::１", "1::\u{0}",
    ])
    func refuses(text: String) { #expect(IPAddress(text) == nil) }

    @Test func holdsIPv4AsMapped() {
        let address = ipAddress("192.0.2.1")
        #expect(address.isV4 && address.family == .v4)
        #expect(address.high == 0 && address.low == 0xffff_c000_0201)
        #expect(address == ipAddress("::ffff:192.0.2.1") && address.v4 == 0xc000_0201)
        #expect(!ipAddress("::192.0.2.1").isV4 && !ipAddress("::ffff:0:192.0.2.1").isV4)
    }

    @Test func writesByFamily() {
        #expect(written(4) { $0.setIP(ipAddress("192.0.2.1"), at: 0) } == [192, 0, 2, 1])
        #expect(
            written(17) { $0.setIP(ipAddress("2001:db8::1"), at: 1) }
                == [0xa5, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(reading([192, 0, 2, 1]) { $0.ipv4(at: 0) } == ipAddress("192.0.2.1"))
        #expect(reading([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]) { $0.ipv6(at: 0) }.isV4)
    }

    @Test(arguments: [
        ("192.0.2.129", 32, "192.0.2.129"), ("192.0.2.129", 25, "192.0.2.128"), ("192.0.2.129", 1, "128.0.0.0"),
        ("192.0.2.129", 0, "0.0.0.0"), ("192.0.2.129", -1, "0.0.0.0"), ("192.0.2.129", 99, "192.0.2.129"),
        ("2001:db8:ffff:ffff:ffff::1", 128, "2001:db8:ffff:ffff:ffff::1"), ("2001:db8:ffff:ffff:ffff::1", 65, "2001:db8:ffff:ffff:8000::"),
        ("2001:db8:ffff:ffff:ffff::1", 64, "2001:db8:ffff:ffff::"), ("2001:db8:ffff:ffff:ffff::1", 33, "2001:db8:8000::"),
        ("2001:db8:ffff:ffff:ffff::1", 0, "::"), ("2001:db8::1", 500, "2001:db8::1"),
    ])
    func masks(text: String, length: Int, masked: String) throws {
        let address = try #require(IPAddress(text)), wanted = try #require(IPAddress(masked))
        #expect(address.masked(to: length) == wanted)
        #expect(address.matches(wanted, length: length))
    }

    @Test func prefixesMatchWithinTheirFamily() {
        #expect(ipAddress("10.1.2.3").matches(ipAddress("10.1.9.9"), length: 16))
        #expect(!ipAddress("10.1.2.3").matches(ipAddress("10.1.9.9"), length: 24))
        #expect(!ipAddress("10.1.2.3").matches(ipAddress("::"), length: 0))
        #expect(!ipAddress("::1").matches(ipAddress("0.0.0.0"), length: 0))
    }

    @Test func knowsKinds() {
        #expect(ipAddress("224.0.0.81").isMulticast && ipAddress("ff02::1").isMulticast && !ipAddress("10.0.0.1").isMulticast)
        #expect(ipAddress("127.9.9.9").isLoopback && ipAddress("::1").isLoopback && !ipAddress("::2").isLoopback)
        #expect(ipAddress("169.254.1.1").isLinkLocal && ipAddress("fe80::1").isLinkLocal && ipAddress("febf::1").isLinkLocal)
        #expect(!ipAddress("fec0::1").isLinkLocal && !ipAddress("169.253.1.1").isLinkLocal)
        #expect(IPAddress.unspecified(.v4).isUnspecified && IPAddress.unspecified(.v6).isUnspecified)
        #expect(IPAddress.unspecified(.v4) != IPAddress.unspecified(.v6))
    }

    @Test func folds() {
        #expect(ipAddress("10.0.0.1").folded == 0x0a00_0001)
        #expect(ipAddress("2001:db8:1:2:3:4:5:6").folded == 0x2001_0db8 ^ 0x0001_0002 ^ 0x0003_0004 ^ 0x0005_0006)
    }

    @Test(arguments: [
        ("02:00:00:00:00:01", "02:00:00:00:00:01"), ("2:0:0:0:0:1", "02:00:00:00:00:01"), ("FF:fe:0A:b:C:0", "ff:fe:0a:0b:0c:00"),
    ])
    func readsAndWritesMACs(text: String, canonical: String) throws {
        let address = try #require(MACAddress(text))
        #expect(address.description == canonical)
        let bytes = written(6) { $0.setMAC(address, at: 0) }
        #expect(reading(bytes) { $0.mac(at: 0) } == address)
    }

    @Test(arguments: [
        "", "02", "02:00:00:00:00", "02:00:00:00:00:01:02", "02:00:00:00:00:", ":02:00:00:00:01", "02:00:00:00:00:001",
        "02:00:00:00:00:g0", "02-00-00-00-00-01", "02:00:00:00:00:-0", "02:00:00:00:00:+1", "02:00:00:00:00: 1", "０2:00:00:00:00:01",
    ])
    func refusesMACs(text: String) { #expect(MACAddress(text) == nil) }

    @Test func groupAddresses() {
        #expect(macAddress("01:00:00:00:00:00").isMulticast && MACAddress.broadcast.isMulticast)
        #expect(!macAddress("02:00:00:00:00:00").isMulticast && !macAddress("fe:ff:ff:ff:ff:ff").isMulticast)
        #expect(MACAddress(group: ipAddress("ff02::1:ff12:3456")) == macAddress("33:33:ff:12:34:56"))
        #expect(MACAddress(group: ipAddress("224.128.1.2")) == macAddress("01:00:5e:00:01:02"))
    }
}
