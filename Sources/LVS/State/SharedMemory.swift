import Wire

extension Director {
    /// The memory that somebody lent; `nil` when the director has its own.
    public var lentMemory: UnsafeMutableRawBufferPointer? { unsafe memory.isLent ? memory.region.memory : nil }

    /// Where that memory holds anything, as offsets in order: what a copy has to hold. Records beside connections, of which
    /// there are few, one by one.
    public func spansInUse() -> [Range<Int>] {
        let layout = memory.layout, limits = memory.limits[0]
        func span<Record>(_ block: StateLayout.Block<Record>, _ records: Range<Int>) -> Range<Int> {
            let stride = MemoryLayout<Record>.stride
            return block.offset + records.lowerBound * stride..<block.offset + records.upperBound * stride
        }
        var spans = [0..<layout.servers.offset]
        spans.append(span(layout.servers, 0..<Int(limits.servers)))
        spans.append(span(layout.shown, 0..<Int(limits.servers)))
        spans.append(span(layout.services, 0..<Int(limits.services)))
        spans.append(span(layout.serviceCounters, 0..<Int(limits.services)))
        for place in 0..<Int(limits.services) where memory.services[place].rangeCount > 0 {
            let first = place * ServiceSlot.maximumRanges
            spans.append(span(layout.ranges, first..<first + ServiceSlot.maximumRanges))
        }
        spans.append(span(layout.outer, 0..<2 * Int(limits.servers)))
        spans.append(span(layout.remembered, 0..<Int(limits.remembered)))
        spans.append(span(layout.learnedMTUs, 0..<LearnedMTU.capacity))
        spans.append(span(layout.ports, 0..<Int(limits.ports)))
        let beside = (0..<connections.table.highWater).filter { connections[$0].hasSide }.map(Int.init)
        spans += beside.filter { !connections[ConnectionID($0)].flags.contains(.template) }.map { span(layout.streams, $0..<$0 + 1) }
        spans += beside.filter { connections[ConnectionID($0)].flags.contains(.template) }.map { span(layout.templates, $0..<$0 + 1) }
        spans.append(span(layout.connections, 0..<Int(connections.table.highWater)))
        return spans.filter { !$0.isEmpty }
    }
}
