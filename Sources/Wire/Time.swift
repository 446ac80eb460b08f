/// Nanoseconds of a second.
@inlinable public var second: Int64 { 1_000_000_000 }

/// Nanoseconds of a millisecond.
@inlinable public var millisecond: Int64 { 1_000_000 }
