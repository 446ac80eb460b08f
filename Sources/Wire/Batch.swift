/// The frames of one batch, in order of arrival (or of emission). The bytes belong to whoever filled the batch and live
/// until the batch is filled again.
public struct Batch: ~Copyable {
    @usableFromInline let slots: Slab<Frame>
    @usableFromInline var used = 0

    @inlinable public var count: Int { @inline(__always) get { used } }

    public init(capacity: Int = 64) { slots = Slab(capacity: capacity) }

    @inlinable public var capacity: Int { slots.capacity }
    @inlinable public var isFull: Bool { count == slots.capacity }
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Adds a frame at the end; false when the batch is full.
    @inlinable @inline(__always) @discardableResult
    public mutating func append(_ frame: Frame) -> Bool {
        guard count < slots.capacity else { return false }
        slots[count] = frame
        slots[count].cause = Int32(truncatingIfNeeded: count)
        used &+= 1
        return true
    }

    /// Adds a frame at the end that frame number `cause` of a batch gave rise to.
    @discardableResult
    public mutating func append(_ frame: Frame, causedBy cause: Int32) -> Bool {
        guard append(frame) else { return false }
        slots[count - 1].cause = cause
        return true
    }

    public mutating func removeAll() { used = 0 }

    @inlinable
    public subscript(index: Int) -> Frame {
        @inline(__always) unsafeAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return unsafe UnsafePointer(slots.view.trusted(index))
        }
        @inline(__always) unsafeMutableAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return unsafe slots.view.trusted(index)
        }
    }
}
