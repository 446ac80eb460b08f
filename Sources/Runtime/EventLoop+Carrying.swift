import Carrying
import LVS

/// Flows that the kernel carries past the loop.
extension EventLoop {
    /// From here on flows may be carried; those of the director before this one come back first.
    func beginToCarry() {
        guard let carrier else { return }
        engine.director.carrier = carrier
        carrier.control.isOn = true
    }

    /// Looked at every second. Where something else at an interface's ingress takes frames before the program that sends them, that
    /// program has found out by a frame, and carries no other.
    func lookAtCarrier() {
        guard let carrier, carrier.control.isRefused, engine.director.carrier != nil else { return }
        engine.director.carrier = nil
        log.say("note: --carry: another program at an interface's ingress takes its frames; the director sees every frame")
    }
}
