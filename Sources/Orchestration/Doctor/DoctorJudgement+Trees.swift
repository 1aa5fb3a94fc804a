import Core
import Topologies

/// What the trees at the two ends of an edge mean for each other.
extension DoctorJudgement {
    /// What is to come into each file system, against the room there. Peers of one file system share it.
    mutating func judgeSpace() {
        var groups: [String: [Int]] = [:]
        for edge in topology.edges {
            guard let size = toCome(edge) else { continue }
            let peer = edge.downstream
            checks[peer].toCome = checks[peer].toCome.map { $0.adding(size) } ?? size
        }
        for peer in checks.indices where checks[peer].toCome != nil {
            guard let host = checks[peer].host, let disk = checks[peer].root?.fileSystem else { continue }
            let isKnown = !disk.device.isEmpty
            groups[isKnown ? "\(host.boot) \(disk.device)" : "peer \(peer)", default: []].append(peer)
        }
        for peers in groups.values.sorted(by: { $0[0] < $1[0] }) { judgeSpace(peers) }
    }

    private mutating func judgeSpace(_ peers: [Int]) {
        guard let disk = checks[peers[0]].root?.fileSystem, let root = checks[peers[0]].root else { return }
        let sizes = peers.compactMap { checks[$0].toCome }
        let (bytes, entries) = sizes.reduce((UInt64(0), UInt64(0))) { ($0.0 &+ $1.bytes, $0.1 &+ $1.entries) }
        let least = sizes.allSatisfy(\.isComplete) ? "" : "at least "
        let names = peers.map { checks[$0].peer }
        if bytes > disk.freeBytes {
            let error = HeadwaterError(
                "stage.no-space",
                "\(least)\(bytes) bytes are to come to \(root.path), \(disk.freeBytes) are free on its file system",
                remedy: "free space there, or exclude something", exit: .edgeFailed)
            let command = DoctorCommands.there(topology.peers[peers[0]], "df -h \(ShellWord.quoted(existing(root)))")
            findings.append(Finding(.error, names, error, commands: [command]))
        }
        if disk.totalInodes > 0, entries > disk.freeInodes {
            let error = HeadwaterError(
                "doctor.inodes",
                "\(least)\(entries) entries are to come to \(root.path), \(disk.freeInodes) inodes are free on its file system",
                remedy: "remove files there, or use a file system with more inodes", exit: .edgeFailed)
            let command = DoctorCommands.there(topology.peers[peers[0]], "df -i \(ShellWord.quoted(existing(root)))")
            findings.append(Finding(.error, names, error, commands: [command]))
        }
    }

    private func existing(_ root: RootFacts) -> String {
        root.kind == .directory ? root.path : "/" + root.path.split(separator: "/").dropLast().joined(separator: "/")
    }

    /// What an edge would bring, at the least: what upstream holds, less what downstream may have already. Nil where it is not known.
    private func toCome(_ edge: Edge) -> TreeSize? {
        let agreed = agreed(edge)
        guard var size = size(edge, at: edge.upstream, agreed) else { return nil }
        let there = size_(edge, at: edge.downstream, agreed)
        // What is there beside what was agreed on is of no use to this edge.
        let bytes = min(there.bytes, agreed?.bytes ?? .max)
        let entries = min(there.entries, agreed?.entries ?? .max)
        size.bytes -= min(size.bytes, bytes)
        size.entries -= min(size.entries, entries)
        return size
    }

    private func size_(_ edge: Edge, at peer: Int, _ agreed: TreeSize?) -> TreeSize {
        size(edge, at: peer, agreed) ?? TreeSize()
    }

    /// The tree as it was counted; what was agreed on where there was no time to count it.
    private func size(_ edge: Edge, at peer: Int, _ agreed: TreeSize?) -> TreeSize? {
        let index = topology.examinedTrees(of: peer).firstIndex(of: edge.subpath ?? "")
        let counted = index.flatMap { index in
            checks[peer].root.flatMap { $0.trees.indices.contains(index) ? $0.trees[index] : nil }
        }
        guard let counted, !counted.isComplete, let agreed, agreed.entries > counted.entries else { return counted }
        return agreed
    }

    private func agreed(_ edge: Edge) -> TreeSize? {
        for peer in [edge.upstream, edge.downstream] {
            guard let facts = checks[peer].root?.sessions.first(where: { $0.session == edge.session }) else { continue }
            if case .known(let size?) = facts.state { return size }
        }
        return nil
    }

    /// Whether all names and times of the upstream tree have a place downstream.
    mutating func judgeNames(_ edge: Edge) {
        guard let from = checks[edge.upstream].root?.fileSystem, let to = checks[edge.downstream].root?.fileSystem
        else { return }
        let peer = checks[edge.downstream].peer
        let rules: [(Ability, String, String)] = [
            (.caseSensitive, "doctor.case", "names that differ only in case are one name"),
            (.exactNames, "doctor.names", "two spellings of one character (é) are one name"),
        ]
        for (ability, code, words) in rules where to.has(ability) == false && from.has(ability) != false {
            let error = HeadwaterError(
                code,
                "on the file system of \(peer) (\(to.type)) \(words); on that of \(checks[edge.upstream].peer) they are two",
                remedy: "see that no directory holds two such names: the second one would be a problem")
            add(.warning, peer, error)
        }
        guard let step = to.timeStepNanoseconds, step >= 1_000_000_000 else { return }
        let error = HeadwaterError(
            "doctor.times", "the file system of \(peer) (\(to.type)) keeps times in steps of \(step / 1_000_000_000) s",
            remedy: "nothing: what was applied is remembered as it was kept")
        add(.note, peer, error)
    }

    /// Once for each peer, however many edges lead there.
    private mutating func add(_ severity: Finding.Severity, _ peer: String, _ error: HeadwaterError) {
        if findings.contains(where: { $0.error.code == error.code && $0.peers == [peer] }) { return }
        findings.append(Finding(severity, [peer], error))
    }
}

extension TreeSize {
    /// Both together; as complete as the less complete of them.
    fileprivate func adding(_ other: TreeSize) -> TreeSize {
        var sum = self
        sum.entries &+= other.entries
        sum.directories &+= other.directories
        sum.bytes &+= other.bytes
        sum.isComplete = isComplete && other.isComplete
        if other.source == .snapshot { sum.source = .snapshot }
        return sum
    }
}
