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
        let (size, isTooMuch) = capacity.multipliedReportingOverflow(by: stride)
        guard !isTooMuch else { endWithoutMemory(for: .max) }
        guard let memory = unsafe size >= Self.hugePage ? Self.map(size) : Self.allocate(size) else {
            endWithoutMemory(for: size)
        }
        view = unsafe SlabView(UnsafeMutableRawBufferPointer(start: memory, count: size))
    }

    deinit {
        let size = capacity * MemoryLayout<Element>.stride
        if size >= Self.hugePage { unsafe munmap(view.base, size) } else { unsafe free(view.base) }
    }

    private static var hugePage: Int { 1 << 21 }

    /// Cleared memory that begins at a cache line's border, which keeps an element of 64 bytes on one line.
    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        var memory: UnsafeMutableRawPointer?
        guard unsafe posix_memalign(&memory, 64, max(size, 64)) == 0, let memory = unsafe memory else { return nil }
        return unsafe memset(memory, 0, max(size, 64))
    }

    /// Fresh memory that begins at a huge page's border, so that the kernel may back it with huge pages.
    private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
        let whole = size + hugePage
        guard let start = unsafe mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            unsafe start != MAP_FAILED
        else { return nil }
        let lead = (hugePage - Int(bitPattern: start) & (hugePage - 1)) & (hugePage - 1)
        if lead > 0 { unsafe munmap(start, lead) }
        let base = unsafe start + lead
        let end = (size + 4095) & ~4095
        if whole - lead > end { unsafe munmap(base + end, whole - lead - end) }
        unsafe madvise(base, size, MADV_HUGEPAGE)
        return unsafe base
    }

    @inlinable
    public var capacity: Int { @inline(__always) get { view.capacity } }

    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress { unsafe view.address(checked: index) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe view.mutableAddress(checked: index) }
    }

    /// Where an element lies, checked against the capacity.
    @inlinable @inline(__always)
    public func mutableAddress(checked index: Int) -> UnsafeMutablePointer<Element> { unsafe view.mutableAddress(checked: index) }
}

/// Equal, plain elements in memory that somebody else owns: a slab, or a mapping that processes share. A view is a handle:
/// copies name the same elements, and all of them are dead when the memory is given back.
///
/// Safe as far as the compiler is told: a subscript stays within the memory. That the memory is still there is the owner's duty.
@safe @frozen public struct SlabView<Element: BitwiseCopyable>: BitwiseCopyable {
    @usableFromInline let base: UnsafeMutablePointer<Element>
    public let capacity: Int

    /// As many elements as `memory` holds, as they are: who lends it sees to it that they mean something, that it begins at
    /// an element's alignment and that it outlives every view.
    public init(_ memory: UnsafeMutableRawBufferPointer) {
        let capacity = memory.count / MemoryLayout<Element>.stride
        guard let start = memory.baseAddress, capacity > 0 else { preconditionFailure("a slab needs room for an element") }
        precondition(Int(bitPattern: start) & (MemoryLayout<Element>.alignment - 1) == 0)
        unsafe base = start.bindMemory(to: Element.self, capacity: capacity)
        self.capacity = capacity
    }

    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress { unsafe address(checked: index) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe mutableAddress(checked: index) }
    }

    /// The elements as bytes.
    public var memory: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: base, count: capacity * MemoryLayout<Element>.stride)
    }

    /// A byte of an element, as a number, whether or not the element means anything.
    public func byte(_ offset: Int, of index: Int) -> UInt8 {
        precondition(offset >= 0 && offset < MemoryLayout<Element>.stride)
        return unsafe UnsafeRawPointer(address(checked: index)).load(fromByteOffset: offset, as: UInt8.self)
    }

    /// What was stored before stands in memory before whatever is stored after, for those who find the memory when its user
    /// was stopped between any two of its steps.
    @inlinable @inline(__always)
    public static func publish() { svs_order_stores() }

    /// Where an element lies, checked against the capacity.
    @inlinable @inline(__always)
    public func mutableAddress(checked index: Int) -> UnsafeMutablePointer<Element> {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: capacity))
        return unsafe base + index
    }

    @inlinable @inline(__always)
    public func address(checked index: Int) -> UnsafePointer<Element> { unsafe UnsafePointer(mutableAddress(checked: index)) }

    /// Where the element of an index lies that the elements' owner has handed out itself; checked in debug builds only.
    @inlinable @inline(__always)
    public func trusted(_ index: Int) -> UnsafeMutablePointer<Element> {
        assert(UInt(bitPattern: index) < UInt(bitPattern: capacity))
        return unsafe base + index
    }

    /// A view of one element alone.
    public func element(_ index: Int) -> SlabView {
        unsafe SlabView(UnsafeMutableRawBufferPointer(start: mutableAddress(checked: index), count: MemoryLayout<Element>.stride))
    }

    /// Asks for the element's first cache line ahead of its use.
    @inlinable @inline(__always)
    public func prefetch(_ index: Int) {
        unsafe svs_prefetch(base + index)
    }
}

extension SlabView<UInt8> {
    /// Elements of another kind that lie in these bytes from an offset on, which is one of their alignment.
    public func part<Other: BitwiseCopyable>(from offset: Int, count: Int) -> SlabView<Other> {
        unsafe SlabView<Other>(UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + count * MemoryLayout<Other>.stride]))
    }
}
