internal import CLinux
internal import Glibc
internal import LVS
internal import Linux
internal import Runtime
internal import SystemPackage
internal import Wire

/// An upgrade under way: first another program is asked, then the director ends for it.
enum Upgrade {
    case probing(Probe)
    case ending(version: String)

    var deadline: Instant? {
        switch self {
        case .probing(let probe): probe.deadline
        case .ending: nil
        }
    }
}

/// How the keeper becomes another version of its program, with all that it holds.
extension Keeper {
    /// Which programs run, and how the last upgrade went, for whoever asks a director.
    private var versions: String {
        var lines = ["keeper \(configuration.version), process \(getpid()), \(configuration.program)", "upgrades \(attempts)"]
        if let director { lines.insert("director \(configuration.version), process \(director.number)", at: 1) }
        if !outcome.isEmpty { lines.append(outcome) }
        return lines.map { $0 + "\n" }.joined()
    }

    func tellVersions() {
        guard let director else { return }
        try? director.channel.send(KeeperEvent.versions(versions).bytes, waits: false)
    }

    // MARK: the program before

    /// Asks the program that lies at this one's path by now whether it could go on.
    func beginUpgrade() {
        guard upgrade == nil, succession == nil, !isEnding else { return }
        attempts += 1
        do throws(Errno) {
            let probe = try Probe(configuration.program, configuration.words, memory, at: Self.now)
            try poller.watch(probe.channel.descriptor, as: Token.probe)
            upgrade = .probing(probe)
        } catch { endUpgrade("\(configuration.program) cannot be started: \(error)") }
    }

    /// Looks what has become of an upgrade, and of one that brought this program.
    func followUpgrade() {
        if let succession, succession.failure == nil, Self.now >= succession.deadline {
            return goBack("it did not direct within \(Succession.patience / second) s")
        }
        guard case .probing(let probe)? = upgrade, let answer = probe.answer(at: Self.now) else { return }
        poller.forget(probe.channel.descriptor)
        switch answer {
        case .refused(let reason): endUpgrade(reason)
        case .willing(let version):
            upgrade = .ending(version: version)
            guard let director else { return becomeNext(version) }
            configuration.log.say("\(version) takes over from \(configuration.version)")
            try? director.channel.send(KeeperEvent.endForNext.bytes, waits: false)
            director.deadline = Self.now + Self.longestEnd
        }
    }

    /// Everything is as before.
    private func endUpgrade(_ reason: String) {
        upgrade = nil
        outcome = "no upgrade: \(reason)"
        configuration.log.say(outcome)
        tellVersions()
    }

    /// The director has ended.
    /// - Returns: whether that was to be, or brings the program before back.
    func isSucceeded(after end: Child.End) -> Bool {
        if case .ending(let version)? = upgrade {
            becomeNext(version)
            due = Self.now
            return true
        }
        guard let succession, succession.failure == nil else { return false }
        goBack("its director ended (\(end))")
        return false
    }

    /// Becomes the program that lies at this one's path; returns only when that fails, and everything is as before.
    private func becomeNext(_ version: String) {
        do throws(Errno) {
            // What carries flows ends with this program's descriptors.
            privileged.stopCarrying()
            let program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
            guard program >= 0 else { throw .latest }
            let held = HeldDescriptor(program)
            let (own, other) = try Channel.pair()
            let guardian = try startGuardian(other)
            let text = Succession.text(
                attempts: attempts, guardian: guardian, version: configuration.version, failure: nil, words: configuration.words,
                ended: ended)
            let failure = become(
                configuration.program, configuration.words, text,
                with: legacy + [(Succession.guardianName, own.descriptor), (Succession.programName, held.number)])
            try? own.send([1], waits: false)
            throw failure
        } catch { endUpgrade("\(configuration.program) cannot be executed: \(error)") }
    }

    /// This program in a process of its own, with a copy of all that this one holds.
    private func startGuardian(_ channel: Channel) throws(Errno) -> Int32 {
        let all = legacy + [(Succession.guardianName, channel.descriptor)]
        let names = all.enumerated().map { (name: $1.name, number: Int32(3 + $0)) }
        configuration.environment.leave(
            descriptors: names,
            succession: Succession.text(
                attempts: attempts, guardian: 0, version: configuration.version, failure: nil, words: configuration.words, ended: ended),
            program: configuration.program)
        defer { configuration.environment.withdraw() }
        return try Child.start("/proc/self/exe", ["svs", "guardian"] + configuration.words, all.map(\.descriptor))
    }

    /// All that this keeper holds, by name.
    private var legacy: [(name: String, descriptor: Int32)] {
        privileged.legacy + privileged.deviceLegacy + memory.legacy + clients.legacy + claims.legacy
    }

    /// Becomes another program, which finds these descriptors.
    /// - Returns: why that failed.
    private func become(_ path: String, _ given: [String], _ text: String, with all: [(name: String, descriptor: Int32)]) -> Errno {
        for (_, descriptor) in all { _ = svs_keep_open(descriptor, 1) }
        configuration.environment.leave(descriptors: all.map { ($0.name, $0.descriptor) }, succession: text, program: configuration.program)
        var words: [UnsafeMutablePointer<CChar>?] = ([configuration.arguments.first ?? "svs", "run"] + given).map { strdup($0) } + [nil]
        let result = svs_become(path, &words, environ)
        for word in words { free(word) }
        configuration.environment.withdraw()
        for (_, descriptor) in all { _ = svs_keep_open(descriptor, 0) }
        return Errno(rawValue: 0 &- result)
    }

    // MARK: the next program

    /// A director directs: the program before is not needed any more.
    func succeed() {
        guard let succession else { return }
        self.succession = nil
        succession.dismissGuardian()
        attempts = succession.attempts
        outcome = succession.failure.map { "no upgrade: \($0)" } ?? "upgraded from \(succession.earlierVersion) to \(configuration.version)"
        configuration.log.say(outcome)
        tellVersions()
    }

    /// Becomes the program before again. Where that fails, its guardian takes over.
    private func goBack(_ reason: String) {
        guard let succession, let program = succession.earlierProgram else { return }
        if let director {
            director.send(SIGKILL)
            while director.end() == nil { usleep(1000) }
        }
        let why = "\(configuration.version) was executed, but \(reason)"
        configuration.log.say(why)
        let text = Succession.text(
            attempts: succession.attempts, guardian: succession.guardianProcess, version: configuration.version, failure: why,
            words: succession.words, ended: succession.ended)
        // As it was left, with the clients that have come since.
        let left = succession.left.map { (name: $0.name, descriptor: $0.descriptor.number) }, known = Set(left.map(\.name))
        let failure = become(
            "/proc/self/fd/\(program.number)", succession.words, text, with: left + clients.legacy.filter { !known.contains($0.name) })
        configuration.log.say("\(succession.earlierVersion) cannot be executed again: \(failure)")
    }
}
