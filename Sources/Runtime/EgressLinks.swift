import LVS
import Links
import Wire

/// The links that frames leave by. A batch goes once to each link that one of its frames leaves by, and to no other.
final class EgressLinks {
    private var links: [any Link]
    /// Their interfaces, as last asked.
    private var interfaces: [Int32]
    /// Links of the first places are somebody else's; behind them stand those that were opened here.
    private let lent: Int
    /// Interfaces that no link could be opened to.
    private var unreachable: Set<Int32> = []
    /// Places of the links that the batch in hand leaves by.
    private var leaving: [Int] = []
    /// The host's interfaces, as last followed.
    private var present: [Int32: Network.Interface] = [:]
    private let open: (Network.Interface) throws(LinkError) -> any Link
    private let complain: (LinkError, Int32) -> Void
    /// Those that send in this one's place; nothing where it sends itself.
    let threads: SendingThreads?

    /// - Parameters:
    ///   - links: those that there are.
    ///   - threads: share the sending through links that have a socket for others.
    ///   - open: a link to an interface that routes lead out of and that has none; it only sends.
    ///   - complain: is told what went wrong, and with which interface.
    init(
        _ links: [any Link], threads: SendingThreads? = nil, open: @escaping (Network.Interface) throws(LinkError) -> any Link,
        complain: @escaping (LinkError, Int32) -> Void
    ) {
        self.links = links
        self.open = open
        self.complain = complain
        interfaces = links.map(\.interface)
        lent = links.count
        self.threads = threads
        threads?.use(links)
    }

    /// Sends the frames that have an `egress`, those of one link in order, and behind all that was sent before.
    func transmit(_ batch: borrowing Batch) {
        if let threads { threads.waitFor(handOver(batch, to: threads)) } else { transmitAlone(batch) { _ in true } }
    }

    /// The same, by others. The frames' memory is theirs until the batch of the number that this returns is sent.
    ///
    /// Whatever they reach leaves by them: a flow that was sent from one processor and then from another could overtake itself
    /// on its way through the kernel.
    func handOver(_ batch: borrowing Batch, to threads: SendingThreads) -> UInt64 {
        transmitAlone(batch) { !threads.reach($0) }
        return threads.send(batch)
    }

    private func transmitAlone(_ batch: borrowing Batch, _ isOurs: (Int32) -> Bool) {
        findLeaving(batch)
        for place in leaving where isOurs(links[place].interface) {
            do throws(LinkError) { try links[place].transmit(batch) } catch { complain(error, links[place].interface) }
        }
    }

    private func findLeaving(_ batch: borrowing Batch) {
        leaving.removeAll(keepingCapacity: true)
        var last: Int32 = 0
        for index in 0..<batch.count {
            let egress = batch[index].egress
            guard egress != 0, egress != last else { continue }
            last = egress
            if let place = place(of: egress), !leaving.contains(place) { leaving.append(place) }
        }
    }

    private func place(of interface: Int32) -> Int? {
        if let place = interfaces.firstIndex(of: interface) { return place }
        guard !unreachable.contains(interface) else { return nil }
        // An interface that was made anew has another number.
        interfaces = links.map(\.interface)
        if let place = interfaces.firstIndex(of: interface) {
            threads?.use(links)
            return place
        }
        guard let found = present[interface] else { return nil }
        do throws(LinkError) {
            links.append(try open(found))
            interfaces.append(interface)
            threads?.use(links)
            return links.count - 1
        } catch {
            unreachable.insert(interface)
            complain(error, interface)
            return nil
        }
    }

    /// What could not be opened may have wanted a descriptor only, or memory.
    func retry() { unreachable = [] }

    /// Takes notice of a change of the host's interfaces: what could not be opened may be there now, and what was opened
    /// may be gone.
    func follow(_ all: [Network.Interface]) {
        unreachable = []
        present = Dictionary(all.map { ($0.index, $0) }) { first, _ in first }
        threads?.drain()
        for place in links.indices.reversed() where place >= lent && present[links[place].interface] == nil { links.remove(at: place) }
        interfaces = links.map(\.interface)
        threads?.use(links)
    }
}
