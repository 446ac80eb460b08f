import Wire

extension Director {
    /// Binds a connection or template to its server, which counts it; the upper threshold is reached here.
    mutating func bind(_ id: ConnectionID, to server: ServerID) {
        connections[id].server = server
        connections[id].flags.insert(.bound)
        if connections[id].flags.contains(.template) {
            servers[server].persistent += 1
            return
        }
        // Every connection begins as inactive; its protocol's state decides from then on.
        connections[id].flags.insert(.inactive)
        servers[server].total += 1
        let upper = servers[server].settings.upperThreshold
        if upper != 0, servers[server].total == Int32(clamping: upper) { servers[server].flags.insert(.overloaded) }
    }

    /// Undoes `bind`; the overload ends when the lower threshold is passed.
    mutating func unbind(_ id: ConnectionID) {
        guard connections[id].flags.contains(.bound) else { return }
        connections[id].flags.remove(.bound)
        let server = connections[id].server
        if connections[id].flags.contains(.template) {
            servers[server].persistent -= 1
            return
        }
        if !connections[id].flags.contains(.inactive) { servers[server].active -= 1 }
        servers[server].total -= 1
        if servers[server].total == servers[server].effectiveLowerThreshold - 1 { servers[server].flags.remove(.overloaded) }
    }

    mutating func startTimer(_ id: ConnectionID, seconds: UInt32) {
        connections[id].expires = clockwork.now + Instant(seconds) * second
        connections.wheel.file(id)
        if synchronisation.isMaster { synchronisation.begin(id, at: clockwork.now) }
    }

    /// Removes a connection now. Its template goes with it when it was forced out and nothing else hangs there.
    mutating func expire(_ id: ConnectionID, forced: Bool = false) {
        takeBack(id, .expiry)
        synchronisation.forget(id, connections[id].flags)
        connections.table.withdraw(id)
        connections.wheel.unfile(id)
        connections.unanswered.remove(id)
        let controller = connections[id].controller
        if controller >= 0 {
            connections[controller].children -= 1
            if forced, connections[controller].children == 0, !connections[controller].flags.contains(.assured) {
                expire(controller)
            }
        }
        unbind(id)
        if connections[id].method == .fullNAT, !connections[id].flags.contains(.template) {
            connections.returnLocalAddress(connections[id])
        }
        connections.table.remove(id)
    }

    /// A timer fired: the connection goes, or waits another minute for those that depend on it.
    mutating func timeOut(_ id: ConnectionID) {
        guard connections[id].children == 0 else {
            // Whole minutes from when it was due: the clock may have come from far away in one step.
            let minute = 60 * second
            connections[id].expires += (max(clockwork.now - connections[id].expires, 0) / minute + 1) * minute
            connections[id].timeout = 60
            connections.wheel.file(id)
            if synchronisation.isMaster { synchroniseAgain(id) }
            return
        }
        if livesOn(id) { return }
        expire(id)
    }
}

extension RealServer {
    /// Connections below which an overload ends: the lower threshold, or three quarters of the upper one.
    var effectiveLowerThreshold: Int32 {
        let lower = settings.lowerThreshold, upper = settings.upperThreshold
        return Int32(clamping: lower != 0 ? lower : upper - upper / 4)
    }

    /// Judges the overload anew after the thresholds were edited.
    mutating func thresholdsChanged() {
        if settings.upperThreshold == 0 || total < effectiveLowerThreshold {
            flags.remove(.overloaded)
        } else if total >= Int32(clamping: settings.upperThreshold) {
            flags.insert(.overloaded)
        }
    }
}

extension ConnectionState {
    /// Makes a connection depend on a template (or control connection), which then outlives it.
    mutating func hang(_ id: ConnectionID, on controller: ConnectionID) {
        self[id].controller = controller
        self[controller].children += 1
    }
}
