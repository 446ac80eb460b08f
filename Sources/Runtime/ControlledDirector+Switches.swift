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

    /// Has what a server without weight still has end with its next packet.
    /// - Parameter words: the server as ipvsadm names it, `-t 192.0.2.1:80 -r 10.0.0.2:80`.
    mutating func resetConnections(_ words: String) throws(AskError) {
        do throws(FileError) {
            guard case .deleteServer(let service, let server)? = try ServicesFile.commands(in: "-d \(words)", file: "server").first else {
                throw FileError(file: "server", text: "expected a service and a server")
            }
            do throws(CommandError) { try director.resetConnections(of: server, of: service) } catch {
                throw FileError(file: "server", text: error == .invalid ? "\(server) of \(service) has weight" : error.sentence)
            }
        } catch { throw AskError(error.text) }
        recording?.pieces.stop("connections of a server were reset")
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
