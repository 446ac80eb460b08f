import Admin
import LVS
import Replay
import SystemPackage

extension ControlledDirector {
    /// Name of the text in the journal that has the switches which clients have set.
    static var switchesText: String { "set" }

    /// Sets a switch for a client. It outlives the director, and a reading of files that say the same of it as before.
    mutating func setSwitch(_ name: String, to value: String) throws(AskError) {
        let full = Tunables.fullName(of: name), before = (director.tunables, switchesSet)
        guard full != "net.ipv4.ip_forward", full != "net.ipv6.conf.all.forwarding" else {
            throw AskError("\(full) is the host's own: sysctl -w \(full)=\(value)")
        }
        do throws(TunableError) { try director.tunables.set(full, to: value) } catch {
            throw AskError(SysctlFile.sentence(error))
        }
        switchesSet[full] = director.tunables.value(of: full)
        guard writeNoted() else {
            (director.tunables, switchesSet) = before
            throw AskError(.noSpace, CommandError.noRoom.sentence)
        }
        recording?.pieces.stop("a switch was set")
        hasChanged = true
    }

    /// Takes switches over that clients of an earlier director have set.
    mutating func restoreSwitches(_ lines: String, say: (String) -> Void) {
        for line in lines.split(separator: "\n") {
            let words = line.split(separator: "=", maxSplits: 1)
            let name = words[0].filter { $0 != " " }
            do throws(TunableError) {
                try director.tunables.set(name, to: words.count > 1 ? String(words[1]) : "")
                switchesSet[name] = director.tunables.value(of: name)
            } catch { say("not taken over: \(error)") }
        }
    }

    /// Gives switches the values that files have now, where these differ from what they said before; what a client has set stays
    /// otherwise.
    mutating func takeSwitches(_ now: Tunables, since old: Tunables) {
        var next = now
        for (name, value) in switchesSet {
            // A value may be allowed beside others only; then the files' one stands.
            if now.value(of: name) == old.value(of: name), (try? next.set(name, to: value)) != nil { continue }
            switchesSet[name] = nil
        }
        director.tunables = next
    }
}
