internal import Runtime

extension HeldMemory {
    /// Memory where the command line wants it. The usual folder is done without where it cannot be had.
    static func wanted(by configuration: Keeper.Configuration) throws(RunError) -> HeldMemory {
        var folder: StateFolder?
        if let place = configuration.state {
            do throws(StateFolder.Refusal) { folder = try StateFolder(place) } catch {
                guard !place.isAskedFor, !error.isTaken else { throw error.told }
                configuration.log.say("note: \(error.told); services and connections end with this process")
            }
        }
        return try HeldMemory(
            in: folder, connections: configuration.connections, place: StateOrigin.here(), isFresh: configuration.state?.isFresh == true,
            log: configuration.log)
    }
}
