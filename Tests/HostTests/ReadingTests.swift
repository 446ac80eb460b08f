import Testing
import Wire

@testable import Host

/// What is read from texts of the kernel and of libraries.
struct ReadingTests {
    @Test(
        arguments: [
            ("0", "0", 0), ("1", "0", 1), ("0", "1", 1), ("2", "1", 2), ("1", "2", 2), (nil, "1", 1), ("nonsense", "0", 0),
            ("0", nil, nil), ("0", "", nil), ("0", "7", nil),
        ] as [(String?, String?, Int?)])
    func reversePathFilter(_ all: String?, _ own: String?, _ value: Int?) {
        #expect(ReversePathFilter.inForce(all: all, interface: own)?.rawValue == value)
    }

    @Test(
        arguments: [
            ("Name:\tsvs\nCapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\n", []),
            ("CapEff:\t0000000000001000\n", ["CAP_NET_RAW"]), ("CapEff:\t0000000000002000\n", ["CAP_NET_ADMIN"]),
            ("CapEff:\t0000000000000000\n", ["CAP_NET_ADMIN", "CAP_NET_RAW"]),
        ] as [(String, [String])])
    func capabilities(_ status: String, _ missing: [String]) {
        #expect(Capabilities(status: status)?.missing() == missing)
    }

    @Test func noCapabilities() {
        #expect(Capabilities(status: "") == nil)
        #expect(Capabilities(status: "CapEff:\tzz\n") == nil)
        #expect(Capabilities(rawValue: 0).missing(.netRaw) == ["CAP_NET_RAW"])
    }

    @Test func ownCapabilities() {
        #expect(Capabilities.effective.missing().isEmpty == isRoot)
    }

    @Test(
        arguments: [
            (
                "internal:0:0-0: Error: Could not process rule: No such file or directory\n\n",
                "Could not process rule: No such file or directory"
            ),
            (
                "Error: syntax error, unexpected ip6, expecting string\ncreate table\n   ^^^",
                "syntax error, unexpected ip6, expecting string"
            ),
            ("netlink: broken\n", "netlink: broken"), ("", nil),
        ] as [(String, String?)])
    func whatNftSays(_ report: String, _ error: String?) {
        #expect(StackSuppressor.firstError(of: report) == error)
    }

    @Test func errorsAsSentences() {
        #expect("\(HostError("open a door", errno: 13))" == "cannot open a door: Permission denied")
        #expect("\(HostError("announce 192.0.2.1", cause: ""))" == "cannot announce 192.0.2.1")
    }
}
