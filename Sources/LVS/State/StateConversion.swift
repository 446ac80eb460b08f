import Wire

/// Brings the records of a director for which they lie elsewhere to where this one looks for them: those of another build, or
/// of a table of another size. Nothing of them is believed here; that is the adoption's business.
struct StateConversion {
    private let old: SlabView<UInt8>
    private let found: StateDescription
    private let own: StateDescription
    /// Where connections beyond this table's end go, and how many find no place there.
    private var moved: [Int32: Int32] = [:]
    private(set) var lost = 0

    /// A piece of a record that is copied as it is, or a number that another roster gives.
    private struct Step {
        var from: Int
        var to: Int
        var size: Int
        /// New numbers by old ones.
        var numbers: [UInt8]?
    }

    init(from old: SlabView<UInt8>, _ found: StateDescription, to own: StateDescription) {
        (self.old, self.found, self.own) = (old, found, own)
    }

    /// Copies everything. `fresh` is zero.
    /// - Returns: false when there is not memory enough.
    mutating func copy(to fresh: SlabView<UInt8>, _ backing: MemoryBacking?) -> Bool {
        let limits = found.limits(in: old)
        planMoves(min(limits["connections"] ?? 0, found["connections"]?.count ?? 0))
        for block in own.blocks {
            guard let source = found[block.name] else { continue }
            let used = block.usedLimit.flatMap { limits[$0] } ?? source.count
            let room = min(used, source.count, block.count) * block.stride
            guard backing?.has(block.offset..<block.offset + room) != false else { return false }
            copy(source, block, used: min(used, source.count), to: fresh)
        }
        own.setLimits(in: fresh)
        return true
    }

    private func copy(_ source: StateDescription.Block, _ target: StateDescription.Block, used: Int, to fresh: SlabView<UInt8>) {
        let steps = steps(source, target), places = places(target.name)
        let moves = target.usedLimit == "connections" ? moved : [:]
        let controller = target.fields.first { $0.name == "controller" && target.name == "connections" }
        for place in 0..<used {
            let goal = moves.isEmpty ? places.map { place < $0.count ? $0[place] : -1 } ?? place : Int(moves[Int32(place)] ?? -1)
            guard goal >= 0, goal < target.count else { continue }
            let from = source.offset + place * source.stride, to = target.offset + goal * target.stride
            for step in steps {
                if let numbers = step.numbers {
                    let number = Int(old[from + step.from])
                    fresh[to + step.to] = number < numbers.count ? numbers[number] : 0
                } else {
                    fresh.copy(step.size, from: old, at: from + step.from, to: to + step.to)
                }
            }
            if !moves.isEmpty, let controller {
                let above: SlabView<Int32> = fresh.part(from: to + controller.offset, count: 1)
                above[0] = moves[above[0]] ?? -1
            }
        }
    }

    /// How a record of one becomes one of the other; fields that lie one behind the other in both go together.
    private func steps(_ source: StateDescription.Block, _ target: StateDescription.Block) -> [Step] {
        var steps: [Step] = []
        for field in target.fields.sorted(by: { $0.offset < $1.offset }) {
            guard let other = source.fields.first(where: { $0.name == field.name && $0.size == field.size }) else { continue }
            let renumbered = field.roster.flatMap { numbers(in: $0) }
            if renumbered == nil, let last = steps.last, last.numbers == nil, last.from + last.size == other.offset,
                last.to + last.size == field.offset
            {
                steps[steps.count - 1].size += field.size
            } else {
                steps.append(Step(from: other.offset, to: field.offset, size: field.size, numbers: renumbered))
            }
        }
        return steps
    }

    /// New numbers by old ones where a roster's differ; 0 stands for none.
    private func numbers(in roster: String) -> [UInt8]? {
        guard let before = found.rosters[roster], let now = own.rosters[roster], before != now else { return nil }
        return [0] + before.map { name in now.firstIndex(of: name).map { UInt8($0 + 1) } ?? 0 }
    }

    /// Of a block whose records a roster names: new places by old ones, where they differ.
    private func places(_ block: String) -> [Int]? {
        guard let before = found.rosters[block], let now = own.rosters[block], before != now else { return nil }
        return before.map { now.firstIndex(of: $0) ?? -1 }
    }

    /// Where the table is smaller than the old one was far in use, those in use move together.
    private mutating func planMoves(_ used: Int) {
        guard let source = found["connections"], let target = own["connections"], used > target.count,
            let flags = source.fields.first(where: { $0.name == "flags" && $0.size == 2 })
        else { return }
        for place in 0..<used {
            let word = source.offset + place * source.stride + flags.offset
            let bits = UInt16(old[word]) | UInt16(old[word + 1]) << 8
            guard Connection.Flags(rawValue: bits).contains(.used) else { continue }
            if moved.count < target.count { moved[Int32(place)] = Int32(moved.count) } else { lost += 1 }
        }
    }
}

extension StateDescription.Block {
    /// The field of the limits that says how far it was used; `nil` for a block that is used as a whole.
    fileprivate var usedLimit: String? {
        switch name {
        case "connections", "streams", "templates": "connections"
        case "servers", "shown", "outer": "servers"
        case "services", "serviceCounters", "ranges": "services"
        case "remembered", "ports": name
        default: nil
        }
    }
}

extension StateDescription {
    /// How far each pool was used.
    fileprivate func limits(in region: SlabView<UInt8>) -> [String: Int] {
        guard let block = self["limits"], block.count > 0 else { return [:] }
        var limits: [String: Int] = [:]
        for field in block.fields where field.size == 4 {
            let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(region[block.offset + field.offset + $1]) << UInt32($1 * 8) }
            limits[field.name] = max(Int(Int32(bitPattern: value)), 0)
        }
        return limits
    }

    /// No pool was used farther than it goes.
    fileprivate func setLimits(in region: SlabView<UInt8>) {
        guard let block = self["limits"] else { return }
        for field in block.fields {
            guard let pool = self[field.name] else { continue }
            let limit: SlabView<Int32> = region.part(from: block.offset + field.offset, count: 1)
            limit[0] = min(max(limit[0], 0), Int32(clamping: pool.count))
        }
    }
}

extension SlabView<UInt8> {
    /// Copies bytes of another view, each end checked against its memory.
    fileprivate func copy(_ count: Int, from other: SlabView<UInt8>, at place: Int, to goal: Int) {
        precondition(place >= 0 && goal >= 0 && place <= other.capacity - count && goal <= capacity - count)
        unsafe mutableAddress(checked: goal).update(from: other.address(checked: place), count: count)
    }
}
