import Testing
import Wire

@testable import LVS

/// Which bytes of a SIP message are its Call-ID, as runs of the kernel showed it.
@Suite struct SIPEngineTests {
    static let rules: [(name: String, headers: String, callID: String?)] = [
        ("plain", "Call-ID: one@host\r\n", "one@host"),
        ("in any case, line ends of one byte", "Via: v\nCALL-id:one\n", "one"),
        ("blanks before and behind the colon", "Call-ID \t:\t one\r\n", "one"),
        ("folded behind the colon", "Call-ID:\r\n one@host\r\n", "one@host"),
        ("by spaces and a tab", "Call-ID: \r\n \tone\r\n", "one"),
        ("folded before the colon", "Call-ID\r\n : one\r\n", "one"),
        ("folded twice", "Call-ID:\r\n \r\n one\r\n", nil),
        ("a value on the next line without a blank", "Call-ID:\r\none\r\n", nil),
        ("a folded line of another header", "Via: v\r\n Call-ID: one\r\n", nil),
        ("the compact name", "i: one\r\n", "one"),
        ("the compact name, folded", "I:\r\n one\r\n", "one"),
        ("a name that only begins like the compact one", "info: x\r\nCall-ID: one\r\n", "one"),
        ("what looks like the compact name ends the search", "i1: x\r\nCall-ID: one\r\n", nil),
        ("so does what looks like the long one", "Call-IDs: x\r\nCall-ID: one\r\n", nil),
        ("one without a value is passed over", "Call-ID: @\r\nCall-ID: one\r\n", "one"),
        ("and one that ends in @", "Call-ID: a@\r\nFrom: b\r\nCall-ID: one\r\n", "one"),
        ("more behind the value", "Call-ID: one two\r\n", nil),
        ("no line end behind the value", "Call-ID: one", nil),
        ("the message ends in the header", "Call-ID:\r\n ", nil),
        ("the longest", "Call-ID: \(String(repeating: "x", count: 255))\r\n", String(repeating: "x", count: 255)),
        ("too long", "Call-ID: \(String(repeating: "x", count: 256))\r\n", nil),
    ]

    @Test(arguments: rules)
    func asTheKernel(_ rule: (name: String, headers: String, callID: String?)) {
        var message = Array("REGISTER sip:a SIP/2.0\r\n\(rule.headers)".utf8)
        let found = message.withBytes { SIPEngine.callID($0) }
        #expect(found == rule.callID.map { Array($0.utf8) }, "\(rule.name)")
    }

    @Test("A message cut off anywhere is read to its end")
    func cutOff() {
        let whole = Array("\r\nCall-ID\r\n :\r\n one@host\r\ni\r\n".utf8)
        for count in 0...whole.count {
            var message = Array(whole.prefix(count))
            let found = message.withBytes { SIPEngine.callID($0) }
            #expect(found == nil || count > 24)
        }
    }
}
