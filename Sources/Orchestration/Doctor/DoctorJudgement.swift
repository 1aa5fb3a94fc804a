import Core
import Topologies
import Wire

/// What the facts about all peers mean for a run. Pure: no I/O, no clock.
///
///     facts of each peer ──► reach ─► root ─► databases ─► space ─► file systems ─► watches ─► clocks ──► findings, worst first
package struct DoctorJudgement {
    /// A clock that is further off than this is worth a word: what people compare by time no longer fits.
    static let clockSecondsMax = 60.0

    let topology: Topology
    var checks: [PeerCheck]
    var findings: [Finding] = []

    /// - Parameter checks: one for each peer, in the order of the topology; those without a root and a failure were not heard of in time.
    package init(_ topology: Topology, _ checks: [PeerCheck]) { (self.topology, self.checks) = (topology, checks) }

    /// - Parameter hidden: what rules find on the machines as they are.
    package func report(hidden: [Diagnostic] = []) -> DoctorReport {
        var judgement = self
        judgement.judge(hidden)
        let ranked = judgement.findings.enumerated().sorted { a, b in
            (DoctorJudgement.rank(a.element), a.offset) < (DoctorJudgement.rank(b.element), b.offset)
        }
        return DoctorReport(checks: judgement.checks, findings: ranked.map(\.element))
    }

    /// Low for what weighs most: errors by the code that a run would end with, then warnings, then notes.
    private static func rank(_ finding: Finding) -> Int {
        switch finding.severity {
        case .error: ExitCode.bySeverity.firstIndex(of: finding.error.exit)!
        case .warning: ExitCode.bySeverity.count
        case .note: ExitCode.bySeverity.count + 1
        }
    }

    private mutating func judge(_ hidden: [Diagnostic]) {
        judgeReach()
        for fault in hidden { add(fault) }
        for peer in checks.indices { judgeRoot(peer) }
        judgeSessions()
        judgeSpace()
        for edge in topology.edges { judgeNames(edge) }
        judgeWatches()
        judgeClocks()
    }

    // MARK: reaching

    /// One finding for all peers that failed in the same way: they share a host.
    private mutating func judgeReach() {
        for peer in checks.indices where checks[peer].root == nil {
            let error = checks[peer].failure?.error ?? silent(peer)
            if checks[peer].failure == nil { checks[peer].failure = (.agent, error) }
            let same = findings.firstIndex { $0.error.code == error.code && $0.error.message == error.message }
            if let same {
                findings[same].peers.append(checks[peer].peer)
            } else {
                let commands = DoctorCommands.of(error, topology.peers[peer])
                findings.append(Finding(.error, [checks[peer].peer], error, commands: commands))
            }
        }
    }

    private func silent(_ peer: Int) -> HeadwaterError {
        HeadwaterError(
            "doctor.timeout", "\(checks[peer].place) did not answer within \(Int(Doctor.secondsMax)) seconds",
            remedy: "look at the load and the disks of that host", exit: .unreachable, isTransient: true)
    }

    private mutating func add(_ fault: Diagnostic) {
        findings.append(
            Finding(
                .error, [],
                HeadwaterError(
                    "topology.hidden-fault", "\(fault.message) [\(fault.rule.id)]",
                    remedy: "correct \(Printable.text(topology.file)) at line \(fault.line): \(fault.remedy)",
                    exit: .usage)))
    }

    // MARK: databases

    private mutating func judgeSessions() {
        for edge in topology.edges {
            let ends = states(of: edge)
            let names = [edge.upstream, edge.downstream].map { checks[$0].peer }
            let reset = "headwater run \(ShellWord.quoted(topology.file)) --reset --edge \(edge.session)"
            for case (let peer, .refused(let error)) in ends where !isHidden(peer) {
                // Not every refusal ends with a reset: a database of a newer version, or one that may not be read, is sound.
                let commands = error.remedy.contains("reset") ? [reset] : []
                findings.append(Finding(.error, [checks[peer].peer], error, commands: commands))
            }
            if let error = halfLost(edge, ends) { findings.append(Finding(.error, names, error, commands: [reset])) }
        }
    }

    /// What each end of an edge remembers of its session, of the ends that were heard of.
    func states(of edge: Edge) -> [(Int, SessionFacts.State)] {
        [edge.upstream, edge.downstream].compactMap { peer in
            checks[peer].root?.sessions.first { $0.session == edge.session }.map { (peer, $0.state) }
        }
    }

    /// Whether the databases lie in a root that this user may not look into: that is a finding of its own, and says nothing of them.
    private func isHidden(_ peer: Int) -> Bool {
        guard let root = checks[peer].root, topology.peers[peer].database == nil else { return false }
        return root.kind == .directory && !root.isReadable
    }

    /// One end remembers the session, the other does not, although its root is there: else that is the finding, and no reset mends it.
    private func halfLost(_ edge: Edge, _ ends: [(Int, SessionFacts.State)]) -> HeadwaterError? {
        func isNone(_ state: SessionFacts.State) -> Bool { if case .none = state { true } else { false } }
        func isKnown(_ state: SessionFacts.State) -> Bool { if case .known = state { true } else { false } }
        guard ends.count == 2, let lost = ends.first(where: { isNone($0.1) })?.0,
            ends.contains(where: { isKnown($0.1) }), checks[lost].root?.kind != .missing
        else { return nil }
        let isLocal = lost == (edge.mode.isInitiated(atUpstream: true) ? edge.upstream : edge.downstream)
        let path = checks[lost].root?.database.path ?? topology.peers[lost].path
        return HeadwaterError(
            isLocal ? "snapshot.local-missing" : "snapshot.remote-missing",
            "\(checks[lost].peer) has no database of session \(edge.session), the other end has one",
            remedy:
                "put \(path)/.headwater/\(edge.session)/snap.db back, or reset the session: nothing is deleted then",
            exit: .databaseRefuses)
    }

    // MARK: machines

    private mutating func judgeWatches() {
        var needed: [String: (peers: [Int], watches: UInt64, most: UInt64)] = [:]
        for peer in checks.indices {
            guard let host = checks[peer].host, let trees = checks[peer].root?.trees.compactMap({ $0 }), !trees.isEmpty
            else { continue }
            let watches = trees.reduce(0) { $0 + $1.directories + 1 }
            checks[peer].watches = watches
            let machine = "\(host.boot) \(host.user)"
            let before = needed[machine] ?? ([], 0, host.watchesMax ?? 0)
            needed[machine] = (before.peers + [peer], before.watches + watches, before.most)
        }
        for (peers, watches, most) in needed.values.sorted(by: { $0.peers[0] < $1.peers[0] }) where watches > most {
            let error = HeadwaterError(
                "doctor.watches",
                "to stay in step (run --continuous) \(watches) directories are to be watched, fs.inotify.max_user_watches is \(most)",
                remedy: "raise the limit; a plain run does not need it")
            // A power of two with room for growth.
            let raised = UInt64(1) << UInt64(64 - (watches * 2).leadingZeroBitCount)
            let command = DoctorCommands.there(
                topology.peers[peers[0]], "sudo sysctl -w fs.inotify.max_user_watches=\(raised)")
            findings.append(Finding(.note, peers.map { checks[$0].peer }, error, commands: [command]))
        }
    }

    private mutating func judgeClocks() {
        var told: Set<String> = []
        for peer in checks.indices {
            guard let clock = checks[peer].clock, let host = checks[peer].host, told.insert(host.boot).inserted,
                abs(clock.seconds) - clock.uncertainty > DoctorJudgement.clockSecondsMax
            else { continue }
            let words = clock.seconds > 0 ? "ahead of" : "behind"
            let error = HeadwaterError(
                "doctor.clock",
                "the clock of \(host.name) is \(Int(abs(clock.seconds).rounded())) seconds \(words) this machine's",
                remedy: "set both by NTP: modification times travel with the files")
            let command = DoctorCommands.there(topology.peers[peer], "sudo timedatectl set-ntp true")
            findings.append(Finding(.warning, [checks[peer].peer], error, commands: [command]))
        }
    }
}
