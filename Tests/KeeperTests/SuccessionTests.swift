import LVS
import Linux
import Testing
import Wire

@testable import Keeper

struct SuccessionTests {
    private func succession(_ text: String) -> Succession? {
        var environment = ServiceEnvironment()
        environment.values[ServiceEnvironment.succession] = text
        return Succession(environment, InheritedDescriptors([:]), at: 5)
    }

    /// What one program says to the next arrives as it was said.
    @Test(
        arguments: [
            (nil, [], nil), ("it was\nbroken", ["--interface", "eth 0", "two\nlines", ""], 77),
        ] as [(String?, [String], Instant?)])
    func whatIsSaidArrives(_ row: (failure: String?, words: [String], ended: Instant?)) throws {
        let text = Succession.text(
            attempts: 3, guardian: 42, version: "svs 1.2", failure: row.failure, words: row.words, ended: row.ended)
        let found = try #require(succession(text))
        #expect(found.attempts == 3 && found.guardianProcess == 42 && found.earlierVersion == "svs 1.2")
        #expect(found.failure == row.failure?.replacing("\n", with: " ") && found.ended == row.ended)
        #expect(found.words == row.words && found.deadline == 5 + Succession.patience)
    }

    @Test(arguments: ["", "1", "a\n2\nsvs\n\n\n0", "1\n2\n3\n4\n5"])
    func whatIsNothingIsNoSuccession(_ text: String) { #expect(succession(text) == nil) }
}
