import CLinux
import Glibc
import Synchronization
import Testing

@testable import Runtime

@Suite(.serialized) struct InterfaceClaimsTests {
    /// The second director of an interface hears who has it; with the first one the claim ends.
    @Test func aSecondDirectorIsRefused() throws {
        let first = try InterfaceClaims(["lo"], log: Log { _ in })
        let answers = Mutex(true)
        let thread = try Background { while answers.withLock({ $0 }) { first.answer(); usleep(1000) } }
        let error = try #require(throws: RunError.self) { _ = try InterfaceClaims(["lo"], log: Log { _ in }) }
        #expect(error.description == "interface lo: another director, process \(getpid()), directs its frames already")
        answers.withLock { $0 = false }
        thread.join()
        // One that does not answer is known to the kernel.
        #expect(svs_claim_holder(1) == getpid())
    }

    @Test func itEndsWithItsHolder() throws {
        for _ in 0..<2 { _ = try InterfaceClaims(["lo"], log: Log { _ in }) }
        #expect(svs_claim_holder(1) == -ECONNREFUSED)
    }

    @Test func anInterfaceUnderAnotherIndexIsFollowed() throws {
        let claims = try InterfaceClaims(["lo"], log: Log { _ in })
        claims.follow { $0 == "lo" ? 4711 : nil }
        #expect(svs_claim_holder(1) == -ECONNREFUSED && svs_claim_holder(4711) == getpid())
        let lines = Mutex<[String]>([])
        let other = try InterfaceClaims(["lo"], log: Log { line in lines.withLock { $0.append(line) } })
        other.follow { _ in 4711 }
        #expect(lines.withLock { $0 } == ["warning: interface lo: another director, process \(getpid()), directs its frames as well"])
    }
}

/// Work on a thread of its own.
private final class Background {
    private var thread = pthread_t()
    private final class Work { let body: () -> Void; init(_ body: @escaping () -> Void) { self.body = body } }

    init(_ body: @escaping () -> Void) throws {
        let status = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        try #require(status == 0)
    }

    func join() { pthread_join(thread, nil) }
}
