internal import FoundationEssentials
internal import LVS
internal import Wire

/// An explained frame as an object for programs.
struct ExplanationRecord: Codable {
    struct Emitted: Codable {
        var interface: String
        var frame: String
        var length: Int
        var changes: HeaderChanges?
    }
    var frame: Int
    var time: Double
    var interface: String
    /// Of a packet in words: how the interface is known (`named`, `route` or `assumed`).
    var ingress: String?
    var packet: String
    var steps: [StepRecord]
    var emitted: [Emitted]
    /// `sent`, `held`, `answered`, `passed` or `dropped`.
    var verdict: String
    /// The stable reason code, and its sentence.
    var reason: String
    var sentence: String
    var service: String?
    var server: String?

    init(_ explained: ExplainedFrame) {
        let outcome = explained.outcome
        frame = outcome.index
        time = Double(outcome.time) / 1e9
        interface = explained.name(outcome.interface)
        ingress = explained.ingress?.reason.rawValue
        packet = explained.line(outcome.frame)
        steps = (outcome.explanation?.steps ?? []).map { StepRecord($0) }
        emitted = explained.emissions.map { emission in
            Emitted(
                interface: explained.name(emission.interface), frame: explained.line(emission.frame), length: emission.frame.count,
                changes: explained.isForwarded(emission) ? explained.changes(emission) : nil)
        }
        verdict = outcome.verdict.fate.rawValue
        reason = outcome.verdict.name
        sentence = outcome.verdict.sentence
        service = outcome.service?.description
        server = outcome.server?.description
    }
}

/// One step; which fields are there depends on `step`. `text` says the same in words.
struct StepRecord: Codable {
    struct Rule: Codable {
        var line: Int
        var text: String
    }
    struct Miss: Codable {
        var service: String
        var reason: String
    }
    struct Candidate: Codable {
        var server: String
        var weight: Int
        var active: Int
        var inactive: Int
        var overloaded: Bool
        var score: String
        var picked: Bool
    }
    struct Entry: Codable {
        var proto: Int
        var client: String
        var virtual: String
        var server: String
        var local: String?
        var method: String
        var state: String
        var template: Bool
        var packets: Int
        /// Seconds.
        var idle: Double
        var expires: Double
        /// Packets that the kernel carried, and for how many seconds it has carried.
        var carriedPackets: Int?
        var carriedTime: Double?
    }

    var step: String
    var text: String
    var mark: Int?
    var rules: [Rule]?
    var service: String?
    var match: String?
    var nearest: [Miss]?
    var connection: Entry?
    var isNew: Bool?
    var isReply: Bool?
    var reason: String?
    var scheduler: String?
    var candidates: [Candidate]?
    var before: String?
    var after: String?
    var expires: Double?
    var interface: String?
    var nextHop: String?
    var mac: String?
    var length: Int?
    var overhead: Int?
    var limit: Int?

    init(_ step: Explanation.Step) {
        self.step = ExplanationText.label(step)
        text = ExplanationText.lines(step).joined(separator: "\n")
        switch step {
        case .marked(let mark, let rules):
            self.mark = Int(mark)
            self.rules = rules.map { Rule(line: $0.line, text: $0.text) }
        case .refused(let drop):
            reason = drop.text
            rules = drop.rule.map { [Rule(line: $0.line, text: $0.text)] } ?? []
        case .matched(let key, let match):
            service = key.description
            self.match = match.rawValue
        case .unmatched(let misses): nearest = misses.map { Miss(service: $0.service.description, reason: $0.reason) }
        case .opensNothing(let words), .untold(let words): reason = words
        case .found(let entry, let isReply):
            take(entry, isNew: false)
            self.isReply = isReply
        case .unknownFlow: break
        case .startsAfresh(let entry, let words), .retired(let entry, let words):
            take(entry, isNew: false)
            reason = words
        case .template(let entry, let isNew): take(entry, isNew: isNew)
        case .connected(let entry): take(entry, isNew: true)
        case .scheduled(let schedule): take(schedule)
        case .observed(let change):
            (before, after) = (change.before, change.after)
            expires = Double(change.remaining) / 1e9
        case .way(let way):
            interface = way.interface
            nextHop = way.nextHop.description
            mac = way.mac?.description
        case .measured(let measured): (length, overhead, limit) = (measured.packet, measured.overhead, measured.limit)
        case .gathered(let bytes): length = bytes
        }
    }

    private mutating func take(_ entry: Explanation.Entry, isNew: Bool) {
        self.isNew = isNew
        connection = Entry(
            proto: Int(entry.proto), client: ExplanationText.ends(entry.client, entry.clientPort),
            virtual: ExplanationText.ends(entry.virtual, entry.virtualPort), server: ExplanationText.ends(entry.server, entry.serverPort),
            local: entry.local.map { ExplanationText.ends($0, entry.localPort) }, method: ExplanationText.method(entry.method),
            state: entry.state, template: entry.isTemplate, packets: Int(entry.packets), idle: Double(entry.idle) / 1e9,
            expires: Double(entry.remaining) / 1e9, carriedPackets: entry.carried.map { Int(clamping: $0.packets) },
            carriedTime: entry.carried.map { Double($0.time) / 1e9 })
    }

    private mutating func take(_ schedule: Explanation.Schedule) {
        scheduler = schedule.scheduler
        candidates = schedule.candidates.enumerated().map { place, one in
            Candidate(
                server: one.server.description, weight: Int(one.weight), active: Int(one.active), inactive: Int(one.inactive),
                overloaded: one.isOverloaded, score: one.score, picked: place == schedule.picked)
        }
    }
}

extension ExplainedFrame {
    /// One line of JSON.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(ExplanationRecord(self)) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
