public import CLinux
internal import Glibc

/// A fixed number of equal, plain elements in memory of their own, zero at first and touched lazily. Whoever has the slab
/// owns the memory, which goes with it.
///
/// Elements never move, so an index is a name for life. Those who only read and write elements take a `view`.
@frozen public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    /// The elements, for as long as the slab lives.
    public let view: SlabView<Element>

    /// Memory for `capacity` elements whose bytes are all zero; pages come into being when they are first touched.
    public init(capacity: Int) {
        precondition(capacity > 0)
        let stride = MemoryLayout<Element>.stride
        let size = capacity * stride
        var raw: UnsafeMutableRawPointer?
        // Cache-line alignment keeps an element of 64 bytes on one line.
        if size >= Self.hugePage {
            raw = Self.map(size)
        } else if posix_memalign(&raw, 64, max(size, 64)) == 0, let raw {
            memset(raw, 0, max(size, 64))
        }
        guard let memory = raw else { preconditionFailure("no memory for \(capacity) elements of \(stride) bytes") }
        view = SlabView(UnsafeMutableRawBufferPointer(start: memory, count: size))
    }

    deinit {
        let size = capacity * MemoryLayout<Element>.stride
        if size >= Self.hugePage { munmap(view.base, size) } else { free(view.base) }
    }

    private static var hugePage: Int { 1 << 21 }

    /// Fresh memory that begins at a huge page's border, so that the kernel may back it with huge pages.
    private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
        let whole = size + hugePage
        guard let start = mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            start != MAP_FAILED
        else { return nil }
        let lead = (hugePage - Int(bitPattern: start) & (hugePage - 1)) & (hugePage - 1)
        if lead > 0 { munmap(start, lead) }
        let base = start + lead
        let end = (size + 4095) & ~4095
        if whole - lead > end { munmap(base + end, whole - lead - end) }
        madvise(base, size, MADV_HUGEPAGE)
        return base
    }

    @inlinable
    public var capacity: Int { @inline(__always) get { view.capacity } }

    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress { view.address(checked: index) }
        @inline(__always) nonmutating unsafeMutableAddress { view.mutableAddress(checked: index) }
    }

    /// Where an element lies, checked against the capacity.
    @inlinable @inline(__always)
    public func mutableAddress(checked index: Int) -> UnsafeMutablePointer<Element> { view.mutableAddress(checked: index) }
}

/// Equal, plain elements in memory that somebody else owns: a slab, or a mapping that processes share. A view is a handle:
/// copies name the same elements, and all of them are dead when the memory is given back.
@frozen public struct SlabView<Element: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline let base: UnsafeMutablePointer<Element>
    public let capacity: Int

    /// As many elements as `memory` holds, as they are: who lends it sees to it that they mean something, that it begins at
    /// an element's alignment and that it outlives every view.
    public init(_ memory: UnsafeMutableRawBufferPointer) {
        let capacity = memory.count / MemoryLayout<Element>.stride
        guard let start = memory.baseAddress, capacity > 0 else { preconditionFailure("a slab needs room for an element") }
        precondition(Int(bitPattern: start) & (MemoryLayout<Element>.alignment - 1) == 0)
        base = start.bindMemory(to: Element.self, capacity: capacity)
        self.capacity = capacity
    }

    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress { address(checked: index) }
        @inline(__always) nonmutating unsafeMutableAddress { mutableAddress(checked: index) }
    }

    /// The elements as bytes.
    public var memory: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: capacity * MemoryLayout<Element>.stride)
    }

    /// What was stored before stands in memory before whatever is stored after, for those who find the memory when its user
    /// was stopped between any two of its steps.
    @inlinable @inline(__always)
    public static func publish() { svs_publish() }

    /// Where an element lies, checked against the capacity.
    @inlinable @inline(__always)
    public func mutableAddress(checked index: Int) -> UnsafeMutablePointer<Element> {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: capacity))
        return base + index
    }

    @inlinable @inline(__always)
    public func address(checked index: Int) -> UnsafePointer<Element> { UnsafePointer(mutableAddress(checked: index)) }

    /// Where the element of an index lies that the elements' owner has handed out itself; checked in debug builds only.
    @inlinable @inline(__always)
    public func trusted(_ index: Int) -> UnsafeMutablePointer<Element> {
        assert(UInt(bitPattern: index) < UInt(bitPattern: capacity))
        return base + index
    }

    @inlinable @inline(__always)
    func address(_ index: Int) -> UnsafePointer<Element> { UnsafePointer(base + index) }

    @inlinable @inline(__always)
    func mutableAddress(_ index: Int) -> UnsafeMutablePointer<Element> { base + index }

    /// Asks for the element's first cache line ahead of its use.
    @inlinable @inline(__always)
    public func prefetch(_ index: Int) {
        svs_prefetch(base + index)
    }
}
