import CLinux
import Glibc
import Links
import Testing

/// Every file of a link with a scheme is in the roster, and the other way round.
@Test func rosterIsComplete() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let folder = "/\(root)/Sources/Links"
    let listing = try #require(opendir(folder))
    defer { closedir(listing) }
    var found: Set<String> = []
    while let entry = readdir(listing) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name.hasSuffix("Link.swift"), let file = fopen("\(folder)/\(name)", "r") else { continue }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&text, 1, text.count, file)
        let source = String(decoding: text.prefix(count), as: UTF8.self)
        guard let start = source.range(of: "static let scheme = \"") else { continue }
        found.insert(String(source[start...].prefix { $0 != "\"" }))
    }
    #expect(found == Set(LinkRoster.all.map { $0.scheme }))
    #expect(LinkRoster.all.count == found.count)
}

@Test(arguments: ["xdp", "", "ring:eth0"])
func unknownLinks(_ scheme: String) throws {
    let error = try #require(throws: LinkError.self) { try LinkRoster.open(scheme, on: "lo") }
    #expect(error.description == "no link \(scheme); there are ring, socket")
}

@Test(arguments: ["ring", "socket"])
func missingPrivilege(_ scheme: String) throws {
    let opened = onThread { () -> Result<any LiveLink, any Error> in
        _ = svs_thread_give_up(13)
        return Result { try LinkRoster.open(scheme, on: "lo") }
    }
    let error = try #require(throws: LinkError.self) { try opened.get() }
    #expect(error.description == "interface lo: opening a packet socket needs CAP_NET_RAW")
}

extension String {
    /// The index behind the first occurrence of `text`, as the start of a range to the end.
    fileprivate func range(of text: String) -> Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
