import LVS
import Wire

/// ipvsadm's order: fields compared as signed differences of 32 bits, sorted by a stable merge. Far-apart addresses
/// compare in a circle, so the way of merging is part of what an administrator sees.
enum ListingOrder {
    static func services(_ services: [ServiceRecord]) -> [ServiceRecord] {
        merged(services) { a, b in
            difference(a.key.mark, b.key.mark) ?? difference(a.key.family.rawValue, b.key.family.rawValue)
                ?? difference(a.key.proto, b.key.proto)
                ?? addresses(words(a.key.address, a.key.family), words(b.key.address, b.key.family), by: a.key.family)
                ?? difference(a.key.port, b.key.port)
                ?? difference(a.key.ranges.count, b.key.ranges.count)
                ?? zip(a.key.ranges, b.key.ranges).lazy.compactMap {
                    difference($0.lowerBound, $1.lowerBound) ?? difference($0.upperBound, $1.upperBound)
                }.first ?? 0
        }
    }

    static func servers(_ servers: [ServerRecord]) -> [ServerRecord] {
        merged(servers) { a, b in
            let family = a.key.address.family
            return addresses(words(a.key.address, family), words(b.key.address, b.key.address.family), by: family)
                ?? difference(a.key.port, b.key.port) ?? 0
        }
    }

    private static func difference<T: FixedWidthInteger>(_ a: T, _ b: T) -> Int32? {
        let difference = Int32(truncatingIfNeeded: a) &- Int32(truncatingIfNeeded: b)
        return difference == 0 ? nil : difference
    }

    /// IPv4 compares one word, which for an IPv6 address on the other side is its first.
    private static func addresses(_ a: [UInt32], _ b: [UInt32], by family: IPFamily) -> Int32? {
        zip(a, b).prefix(family == .v4 ? 1 : 4).lazy.compactMap { difference($0, $1) }.first
    }

    private static func words(_ address: IPAddress, _ family: IPFamily) -> [UInt32] {
        if family == .v4 { return [address.v4, 0, 0, 0] }
        if address.isV4, family == .v6 { return [0, 0, 0xffff, address.v4] }
        return [
            UInt32(truncatingIfNeeded: address.high >> 32), UInt32(truncatingIfNeeded: address.high),
            UInt32(truncatingIfNeeded: address.low >> 32), UInt32(truncatingIfNeeded: address.low),
        ]
    }

    /// Merge sort as the C library's `qsort`: the first half is the shorter one.
    private static func merged<T>(_ items: [T], _ compare: (T, T) -> Int32) -> [T] {
        guard items.count > 1 else { return items }
        let a = merged(Array(items[..<(items.count / 2)]), compare)
        let b = merged(Array(items[(items.count / 2)...]), compare)
        var (i, j) = (0, 0)
        var result: [T] = []
        result.reserveCapacity(items.count)
        while i < a.count, j < b.count {
            if compare(a[i], b[j]) <= 0 {
                result.append(a[i])
                i += 1
            } else {
                result.append(b[j])
                j += 1
            }
        }
        result += a[i...]
        result += b[j...]
        return result
    }
}
