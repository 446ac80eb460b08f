import Attempts
import CLinux
import Glibc
import Links
import Linux
import SystemPackage
import Wire

extension Probe {
    /// What a director must still be able to do, and whether it is.
    func needs() -> [(String, Bool)] {
        [
            ("memory", allocates()), ("threads", startsThreads()), ("a copy of the process", copies()),
            ("the host's switches", ((try? FileReader("/proc/sys/net/ipv4/ip_forward").all()) ?? []).count == 2),
            ("random numbers", UInt64.random(in: 0...UInt64.max) != UInt64.random(in: 0...UInt64.max)),
            (
                "a filter for a handed socket",
                (try? links[1].attach(PacketFilter(accepting: []))) != nil
                    && (try? links[1].attach(.everything)) != nil
            ),
            ("mapping a handed ring", mapsRing()), ("frames", carries()), ("a text for the keeper", svs_write_text() == 0),
            ("waiting", waits()), ("a service's name", getservbyname("http", "tcp")?.pointee.s_port == Int32(UInt16(80).bigEndian)),
        ]
    }

    private func allocates() -> Bool {
        let texts = Dictionary(uniqueKeysWithValues: (0..<100_000).map { ($0, "number \($0)") })
        return texts[99_999] == "number 99999" && [UInt8](repeating: 1, count: 64 << 20).last == 1
    }

    private func startsThreads() -> Bool {
        let threads = (0..<8).map { _ in EarlyThread() }
        return threads.allSatisfy { $0.attempt() == EPERM }
    }

    private func copies() -> Bool {
        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 2)
        if child == 0 {
            let answer = Array("answer \(getpid() != getppid())".utf8)
            svs_fork_end(pipe, answer, answer.count)
        }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(pipe, &bytes, bytes.count)
        close(pipe)
        return child > 0 && waitpid(child, nil, 0) == child && String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self) == "answer true"
    }

    private func mapsRing() -> Bool {
        let size = 1 << 16
        guard let ring = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, links[0].descriptor, 0), ring != MAP_FAILED else {
            return false
        }
        munmap(ring, size)
        return true
    }

    /// Whether a frame that leaves by one interface arrives at the other.
    private func carries() -> Bool {
        var bytes = [UInt8](repeating: 0xff, count: 60)
        bytes.replaceSubrange(12..<14, with: [0x88, 0xb5])
        var batch = Batch(capacity: 8), arrived = Batch(capacity: 8)
        return bytes.withUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return false }
            var frame = Frame(buffer: base, capacity: memory.count, headroom: 0, length: memory.count, ingress: 0)
            frame.egress = links[0].interface
            batch.append(frame)
            try? links[0].transmit(batch)
            for _ in 0..<100 {
                var watch = pollfd(fd: links[1].descriptor, events: Int16(POLLIN), revents: 0)
                poll(&watch, 1, 50)
                arrived.removeAll()
                try? links[1].receive(into: &arrived)
                for i in 0..<arrived.count where arrived[i].bytes.count == 60 && arrived[i].bytes[12] == 0x88 { return true }
            }
            return false
        }
    }

    private func waits() -> Bool {
        guard let poller = try? Poller(), let wakeup = try? Wakeup(), (try? poller.watch(wakeup.descriptor, as: 7)) != nil else {
            return false
        }
        wakeup.raise()
        return (try? poller.wait(milliseconds: 1000)) == 0..<1 && poller[0] == 7
    }
}
