import Glibc

/// Something that bytes from anywhere reach. It keeps what is expensive to make between two inputs, and nothing else.
protocol FuzzTarget: AnyObject {
    static var name: String { get }
    init()
    func run(_ input: [UInt8])
}

/// What was tried, in all inputs of this process.
nonisolated(unsafe) var tried = (frames: 0, messages: 0)

/// Every target. A new one is a class and a line here; `Tests/fuzz/run` finds it by its name.
private let roster: [any FuzzTarget.Type] = [
    DirectorTarget.self, StormTarget.self, ControlTarget.self, ControlStormTarget.self, KeeperTarget.self, GrammarTarget.self,
    ServicesTarget.self, MarksTarget.self,
    SysctlTarget.self, NetworkTarget.self, ConnectionsTarget.self, WordsTarget.self, CaptureTarget.self, DecapsulatorTarget.self,
]
private nonisolated(unsafe) var target: (any FuzzTarget)?

@_cdecl("LLVMFuzzerInitialize")
func initialize(_ count: UnsafePointer<Int32>, _ arguments: UnsafePointer<UnsafePointer<UnsafePointer<CChar>>>) -> Int32 {
    let wanted = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let found = roster.first(where: { $0.name == wanted }) else {
        for type in roster { print(type.name) }
        exit(wanted.isEmpty ? 0 : 2)
    }
    target = found.init()
    atexit { print("tried: \(tried.frames) frames, \(tried.messages) messages") }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target?.run(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}

/// What must hold whatever the input is.
func require(_ condition: @autoclosure () -> Bool, _ text: @autoclosure () -> String) {
    if !condition() { preconditionFailure(text()) }
}

/// An input as a row of decisions; behind its end every one is 0.
struct Dice: ~Copyable {
    private let bytes: [UInt8]
    private let end: Int
    private var place = 0
    /// The last bytes that chance gave.
    private var chance: UInt64 = 0xcbf2_9ce4_8422_2325

    /// - Parameter more: so many bytes of chance follow the input, the same ones for the same input.
    init(_ bytes: [UInt8], more: Int = 0) {
        self.bytes = bytes
        end = bytes.count + more
        for byte in bytes { chance = (chance ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    var isEmpty: Bool { place >= end }

    mutating func byte() -> UInt8 {
        guard place < end else { return 0 }
        defer { place += 1 }
        guard place >= bytes.count else { return bytes[place] }
        // A linear congruential generator (Knuth, MMIX), of which the high bits are good.
        chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: chance >> 56)
    }

    mutating func below(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(limit > 256 ? UInt32(word()) : UInt32(byte())) % limit }
    mutating func flag() -> Bool { byte() & 1 == 1 }
    mutating func word() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }
    mutating func long() -> UInt32 { UInt32(word()) << 16 | UInt32(word()) }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    /// Up to so many bytes as they stand there.
    mutating func rest(atMost most: Int) -> [UInt8] {
        var taken: [UInt8] = []
        for _ in 0..<min(most, end - place) { taken.append(byte()) }
        return taken
    }
}
