/// A window of bytes that somebody else owns: a frame, a header in it, a payload.
///
/// Reads and writes are big-endian (network order) and checked against the window's length; a view that has checked
/// its length once uses the `unchecked` forms through its own named fields. The window is valid only as long as the
/// buffer it looks into, which is one batch of the engine: never keep one.
@safe @frozen public struct Bytes {
    public let base: UnsafeMutableRawPointer
    public let count: Int

    @inlinable @inline(__always)
    public init(_ base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    @inlinable @inline(__always)
    public subscript(index: Int) -> UInt8 {
        get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return unsafe base.load(fromByteOffset: index, as: UInt8.self)
        }
        nonmutating set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            unsafe base.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    /// The bytes from `start` on; an empty window when `start` lies behind the end.
    @inlinable @inline(__always)
    public func dropFirst(_ start: Int) -> Bytes {
        precondition(start >= 0)
        let skipped = min(start, count)
        return unsafe Bytes(base + skipped, count: count &- skipped)
    }

    /// At most the first `length` bytes.
    @inlinable @inline(__always)
    public func prefix(_ length: Int) -> Bytes {
        precondition(length >= 0)
        return unsafe Bytes(base, count: min(length, count))
    }

    /// Whether `length` bytes stand at `offset`.
    @inlinable @inline(__always)
    public func holds(_ length: Int, at offset: Int) -> Bool {
        offset >= 0 && length >= 0 && offset <= count && length <= count &- offset
    }

    @inlinable @inline(__always)
    func check(_ length: Int, at offset: Int) {
        // Unsigned, so that a sum past Int.max is too long as well.
        precondition(offset >= 0 && UInt(bitPattern: offset &+ length) <= UInt(bitPattern: count))
    }

    @inlinable @inline(__always)
    public func big16(at offset: Int) -> UInt16 {
        check(2, at: offset)
        return unsafe UInt16(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inlinable @inline(__always)
    public func big32(at offset: Int) -> UInt32 {
        check(4, at: offset)
        return unsafe UInt32(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inlinable @inline(__always)
    public func big64(at offset: Int) -> UInt64 {
        check(8, at: offset)
        return unsafe UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inlinable @inline(__always)
    public func setBig16(_ value: UInt16, at offset: Int) {
        check(2, at: offset)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    @inlinable @inline(__always)
    public func setBig32(_ value: UInt32, at offset: Int) {
        check(4, at: offset)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    @inlinable @inline(__always)
    public func setBig64(_ value: UInt64, at offset: Int) {
        check(8, at: offset)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Copies all of `source` to `offset`.
    @inlinable @inline(__always)
    public func copy(_ source: Bytes, to offset: Int = 0) {
        check(source.count, at: offset)
        unsafe (base + offset).copyMemory(from: source.base, byteCount: source.count)
    }

    /// Copies an array of bytes to `offset`.
    public func copy(_ source: [UInt8], to offset: Int = 0) {
        check(source.count, at: offset)
        unsafe source.withUnsafeBytes { from in
            guard let start = from.baseAddress else { return }
            unsafe (base + offset).copyMemory(from: start, byteCount: from.count)
        }
    }

    /// Sets `length` bytes at `offset` to `value`.
    public func fill(_ value: UInt8 = 0, at offset: Int, count length: Int) {
        check(length, at: offset)
        unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: value, count: length)
    }

    /// The bytes as an array of their own.
    public var array: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count)) }
}

extension Array<UInt8> {
    /// Lends the array's bytes as a window for the duration of `body`.
    public mutating func withBytes<Result>(_ body: (Bytes) throws -> Result) rethrows -> Result {
        try unsafe withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else {
                var nothing: UInt64 = 0
                return try unsafe Swift.withUnsafeMutableBytes(of: &nothing) { try unsafe body(Bytes($0.baseAddress!, count: 0)) }
            }
            return try unsafe body(Bytes(base, count: buffer.count))
        }
    }
}
