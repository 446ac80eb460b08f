import Wire

/// A packet that rules drop.
public struct MarkDrop: Hashable, Sendable {
    public var table: String
    public var chain: String
    /// `nil` when it is the policy of the chain.
    public var rule: MarkRule?
    public var rejection: MarkRejection

    /// Where the decision stands, in words.
    public var text: String {
        guard let rule else { return "\(table) \(chain): policy drop" }
        // A rule that comes from no file of lines says itself where it stands.
        return rule.line > 0 ? "\(table) \(chain), line \(rule.line): \(rule.text)" : rule.text
    }
}

extension MarkRules {
    /// Carries out the rules of one hook, or of several, on a packet.
    /// - Parameters:
    ///   - state: the packet's mark and what else rules change, before and after.
    ///   - marking: is told each rule that changes the mark.
    /// - Returns: what drops the packet; `nil` when it goes on.
    public func evaluate(
        _ packet: MarkQuery, at hooks: ClosedRange<Hook> = .ingress ... .input, _ state: inout MarkState,
        marking: (MarkRule) -> Void = { _ in }
    ) -> MarkDrop? {
        guard packet.destination.family == family else { return nil }
        for base in bases where hooks.contains(base.hook) {
            state.isTracked = base.hook == .input || base.hook == .prerouting && base.priority > Base.tracking
            switch walk(base.chain, packet, &state, marking) {
            case .ends: if base.dropsAtEnd { return drop(base.chain, nil, .silent) }
            case .accepts: break
            case .drops(let drop): return drop
            }
        }
        return nil
    }

    /// The packet's mark behind the last rule; without any rules the one it came with.
    public func mark(for packet: MarkQuery) -> UInt32 { explainedMark(for: packet).mark }

    /// The mark together with the rules that made it, in the order in which they did.
    public func explainedMark(for packet: MarkQuery) -> (mark: UInt32, rules: [MarkRule]) {
        var state = MarkState(mark: packet.mark)
        var deciding: [MarkRule] = []
        _ = evaluate(packet, &state) { deciding.append($0) }
        return (state.mark, deciding)
    }

    /// How a chain is left.
    private enum End {
        /// At its end, or by `return`.
        case ends
        case accepts
        case drops(MarkDrop)
    }

    private func walk(_ chain: Int, _ packet: MarkQuery, _ state: inout MarkState, _ marking: (MarkRule) -> Void) -> End {
        for rule in chains[chain].rules {
            statements: for statement in rule.statements {
                var target: MarkTarget
                switch statement {
                case .match(let match):
                    switch match.answer(for: packet, state) {
                    case .holds: continue statements
                    case .fails: break statements
                    case .drops: return .drops(drop(chain, rule, .header))
                    }
                case .act(let action): target = action
                }
                if case .verdictMap(let lookup, let targets) = target {
                    guard case .found(let place) = lookup.answer(for: packet, state) else { break statements }
                    target = targets[place]
                }
                switch target {
                case .accept: return .accepts
                case .return: return .ends
                case .drop(let rejection): return .drops(drop(chain, rule, rejection))
                case .jump(let next):
                    let end = walk(next, packet, &state, marking)
                    guard case .ends = end else { return end }
                    // A verdict is the last that a rule does.
                    break statements
                case .goto(let next): return walk(next, packet, &state, marking)
                case .untrack: state.isUntracked = true
                case .none, .unclear, .verdictMap: break
                case .connectionMark(let term, let keeping):
                    guard let value = term.value(in: packet, state) else { break statements }
                    state.connectionMark = state.connectionMark & keeping ^ UInt32(truncatingIfNeeded: value)
                case .mark, .markFrom, .markMap:
                    guard let mark = target.mark(packet, state) else { break statements }
                    state.mark = mark
                    marking(rule)
                }
            }
        }
        return .ends
    }

    private func drop(_ chain: Int, _ rule: MarkRule?, _ rejection: MarkRejection) -> MarkDrop {
        MarkDrop(table: chains[chain].table, chain: chains[chain].name, rule: rule, rejection: rejection)
    }
}

extension MarkTarget {
    /// The mark that a packet has behind a target that sets it; `nil` when the target has none for it.
    fileprivate func mark(_ packet: MarkQuery, _ state: MarkState) -> UInt32? {
        switch self {
        case .mark(let clearing, let toggling): return state.mark & ~clearing ^ toggling
        case .markFrom(let term, let keeping):
            return term.value(in: packet, state).map { state.mark & keeping ^ UInt32(truncatingIfNeeded: $0) }
        case .markMap(let lookup, let marks):
            guard case .found(let place) = lookup.answer(for: packet, state) else { return nil }
            return marks[place]
        default: return nil
        }
    }
}
