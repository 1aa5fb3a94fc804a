import Core
import Testing
import Topologies

@testable import Orchestration

/// Facts in, findings out: no machine is asked.
@Suite struct DoctorJudgementTests {
    private static let file = """
        headwater: 1
        name: t
        peers:
          build: /srv/build
          eu: {host: eu.example.com, user: deploy, port: 2222, path: /srv/eu}
          us: {host: us.example.com, path: /srv/us}
        edges: [build -> eu, build -> us]
        """

    private func topology(_ text: String = file) throws -> Topology {
        try #require(TopologyFile.load(bytes: Array(text.utf8), name: "t.yaml").topology)
    }

    private func disk(free: UInt64 = 1 << 40, inodes: UInt64 = 1 << 20, device: String = "8:1") -> FileSystemFacts {
        var disk = FileSystemFacts()
        (disk.type, disk.device) = ("ext4", device)
        (disk.freeBytes, disk.totalBytes, disk.freeInodes, disk.totalInodes) = (free, 1 << 41, inodes, 1 << 21)
        disk.abilities = Ability.allCases.map { AbilityAnswer($0, true, .tried) }
        disk.timeStepNanoseconds = 1
        return disk
    }

    private func size(_ entries: UInt64, _ bytes: UInt64) -> TreeSize {
        var size = TreeSize()
        (size.entries, size.bytes, size.directories) = (entries, bytes, entries / 10)
        return size
    }

    private func root(_ path: String, _ size: TreeSize, _ disk: FileSystemFacts) -> RootFacts {
        var root = RootFacts(kind: .directory, path: path)
        (root.isReadable, root.isWritable, root.fileSystem, root.trees) = (true, true, disk, [size])
        root.database = DatabasePlace(path: path, isThere: true, isWritable: true)
        return root
    }

    /// Everything as it should be: 1 000 entries upstream, nothing downstream.
    private func sound(_ topology: Topology) -> [PeerCheck] {
        topology.peers.enumerated().map { index, peer in
            var check = PeerCheck(
                peer: peer.name, place: topology.place(of: peer).description, isHere: peer.host == nil)
            var host = HostFacts()
            (host.boot, host.name, host.watchesMax) = ("boot\(index)", peer.name, 100_000)
            check.host = host
            check.root = root(peer.path, index == 0 ? size(1000, 1_000_000) : size(0, 0), disk())
            check.root!.sessions = topology.examinedSessions(of: index).map { SessionFacts(session: $0, state: .none) }
            if peer.host != nil { check.clock = ClockOffset(seconds: 0.01, uncertainty: 0.02) }
            return check
        }
    }

    private func judged(_ change: (inout [PeerCheck]) -> Void, _ text: String = file) throws -> DoctorReport {
        let topology = try topology(text)
        var checks = sound(topology)
        change(&checks)
        return DoctorJudgement(topology, checks).report()
    }

    /// The one finding that there is.
    private func finding(_ change: (inout [PeerCheck]) -> Void, _ text: String = file) throws -> Finding {
        let report = try judged(change, text)
        #expect(report.findings.count == 1, "\(report.findings.map(\.error.code))")
        return try #require(report.findings.first)
    }

    @Test func allSound_isNothingToReport_andSaysWhatIsToCome() throws {
        let report = try judged { _ in }
        #expect(report.findings.isEmpty && report.exit == .inStep)
        #expect(report.checks[1].toCome?.bytes == 1_000_000 && report.checks[1].toCome?.entries == 1000)
        #expect(report.checks[0].watches == 101)
    }

    @Test(arguments: [
        ("ssh.name", ExitCode.unreachable, ReachStage.name), ("ssh.connect", .unreachable, .port),
        ("ssh.timeout", .unreachable, .port), ("ssh.host-key-changed", .edgeFailed, .hostKey),
        ("ssh.login-refused", .edgeFailed, .login), ("ssh.key-permissions", .edgeFailed, .login),
        ("agent.noexec", .edgeFailed, .agent), ("ssh.session-limit", .edgeFailed, .agent),
        ("peer.lost", .unreachable, .agent),
    ])
    func failure_isNamedByItsStage_andKeepsItsExit(code: String, exit: ExitCode, stage: ReachStage) throws {
        let error = HeadwaterError(code, "no", remedy: "do", exit: exit)
        #expect(ReachStage(of: error) == stage)
        let found = try finding {
            $0[1].root = nil
            $0[1].failure = (ReachStage(of: error), error)
        }
        #expect(found.error.code == code && found.exit == exit && found.peers == ["eu"])
    }

    @Test func unreachablePeers_ofOneHost_areOneFinding() throws {
        let error = HeadwaterError("ssh.connect", "no connection", remedy: "look", exit: .unreachable)
        let report = try judged {
            for peer in 1...2 { ($0[peer].root, $0[peer].failure) = (nil, (.port, error)) }
        }
        #expect(report.findings.map(\.peers) == [["eu", "us"]])
        #expect(report.findings[0].commands == ["ssh -v -p 2222 deploy@eu.example.com true"])
        #expect(report.exit == .unreachable)
    }

    @Test func peerThatDidNotAnswerInTime_isUnreachable() throws {
        let found = try finding { $0[2].root = nil }
        #expect(found.error.code == "doctor.timeout" && found.exit == .unreachable)
    }

    @Test func commandOfAnUnknownHostKey_isTakenFromItsRemedy() throws {
        for command in ["ssh-keyscan -p 1 h >> k", "mkdir -p -m 700 d && ssh u@jump ssh-keyscan h >> d/k"] {
            let error = HeadwaterError(
                "ssh.host-key-unknown", "unknown",
                remedy: "compare (there: ssh-keygen -lf /x.pub), then run: \(command)")
            let found = try finding { ($0[1].root, $0[1].failure) = (nil, (.hostKey, error)) }
            #expect(found.commands == [command])
        }
    }

    // MARK: roots

    @Test func missingTarget_withItsParent_isNothingToReport() throws {
        let report = try judged {
            $0[1].root!.kind = .missing
            $0[1].root!.database.isThere = false
        }
        #expect(report.findings.isEmpty, "the first run makes it")
    }

    @Test func missingParent_failsTheEdge_withTheCommandThatMakesIt() throws {
        let found = try finding {
            ($0[1].root!.kind, $0[1].root!.isParentThere, $0[1].root!.isWritable) = (.missing, false, false)
        }
        #expect(found.error.code == "root.no-parent" && found.exit == .edgeFailed)
        #expect(found.commands == ["ssh -p 2222 deploy@eu.example.com 'mkdir -p /srv'"])
    }

    @Test func missingSource_isAHalt() throws {
        let found = try finding { $0[0].root!.kind = .missing }
        #expect(found.error.code == "halt.missing" && found.commands == ["mkdir -p /srv/build"])
    }

    @Test func missingTarget_thatHasRun_isAHalt_andIsNotToBeMade() throws {
        let found = try finding {
            $0[1].root!.kind = .missing
            for peer in 0...1 {
                $0[peer].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .known(nil))
            }
        }
        #expect(found.error.code == "halt.missing" && found.commands.isEmpty)
    }

    /// As an unmounted disk shows itself: the databases in it are missing as well, and a reset would fill the mount point.
    @Test(arguments: [(0, 1), (1, 0)])
    func missingRoot_thatOnlyTheOtherEndRemembers_isAHalt_andNoReset(missing: Int, other: Int) throws {
        let found = try finding {
            $0[missing].root!.kind = .missing
            $0[other].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .known(nil))
        }
        #expect(found.error.code == "halt.missing" && found.exit == .halted && found.commands.isEmpty)
    }

    @Test func missingMark_isUnmounted() throws {
        let found = try finding { $0[1].root!.isMarkThere = false }
        #expect(found.error.code == "halt.unmounted" && found.exit == .halted)
    }

    @Test func rootsOfOtherKinds_areHalts() throws {
        #expect(try finding { $0[1].root!.kind = .other }.error.code == "halt.retyped")
        #expect(try finding { $0[1].root!.kind = .hidden }.error.code == "halt.unreadable")
        #expect(try finding { $0[0].root!.isReadable = false }.error.code == "halt.unreadable")
    }

    @Test func targetThatCannotBeWritten_failsTheEdge() throws {
        let found = try finding { ($0[1].root!.isWritable, $0[1].root!.database.isWritable) = (false, false) }
        #expect(found.error.code == "stage.unusable" && found.exit == .edgeFailed)
        let readOnly = try finding { $0[1].root!.fileSystem!.isReadOnly = true }
        #expect(readOnly.error.code == "apply.read-only")
    }

    @Test func sourceThatCannotHoldItsDatabase_isRefused() throws {
        let found = try finding { ($0[0].root!.isWritable, $0[0].root!.database.isWritable) = (false, false) }
        #expect(found.error.code == "snapshot.directory" && found.exit == .databaseRefuses)
    }

    @Test func databaseApart_thatIsMissing_isRefused_withItsCommand() throws {
        let text = Self.file.replacing("path: /srv/us}", with: "path: /srv/us, database: /var/lib/hw}")
        let found = try finding(
            { $0[2].root!.database = DatabasePlace(path: "/var/lib/hw", isThere: false, isWritable: false) }, text)
        #expect(found.error.code == "snapshot.directory")
        #expect(found.commands == ["ssh us.example.com 'mkdir -p /var/lib/hw'"])
    }

    // MARK: databases

    @Test func refusingDatabase_isTheFindingThatARunEndsWith() throws {
        let error = HeadwaterError("snapshot.corrupt", "Corrupt", remedy: "reset", exit: .databaseRefuses)
        let found = try finding {
            $0[1].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .refused(error))
        }
        #expect(found.error.code == "snapshot.corrupt" && found.exit == .databaseRefuses)
        #expect(found.commands == ["headwater run t.yaml --reset --edge t-build-eu"])
    }

    @Test func refusalThatNoResetMends_namesNone_andOneInAHiddenRootIsTheRoots() throws {
        let error = HeadwaterError("snapshot.newer-schema", "newer", remedy: "use it", exit: .databaseRefuses)
        let refused = SessionFacts(session: "t-build-eu", state: .refused(error))
        let found = try finding { $0[1].root!.sessions[0] = refused }
        #expect(found.error.code == "snapshot.newer-schema" && found.commands == [])
        let hidden = try judged {
            $0[1].root!.sessions[0] = refused
            $0[1].root!.isReadable = false
        }
        #expect(hidden.findings.map(\.error.code) == ["halt.unreadable"])
    }

    @Test func databaseLostAtOneEnd_isRefused() throws {
        func known(_ peer: Int) throws -> Finding {
            try finding { $0[peer].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .known(size(1, 1))) }
        }
        #expect(try known(0).error.code == "snapshot.remote-missing")
        #expect(try known(1).error.code == "snapshot.local-missing")
    }

    // MARK: space

    @Test func tooFull_isNoSpace_oneByteLessIsNot() throws {
        let found = try finding { $0[1].root!.fileSystem!.freeBytes = 999_999 }
        #expect(found.error.code == "stage.no-space" && found.exit == .edgeFailed && found.peers == ["eu"])
        #expect(try judged { $0[1].root!.fileSystem!.freeBytes = 1_000_000 }.findings.isEmpty)
        #expect(try finding { $0[1].root!.fileSystem!.freeInodes = 999 }.error.code == "doctor.inodes")
        #expect(
            try judged { ($0[1].root!.fileSystem!.freeInodes, $0[1].root!.fileSystem!.totalInodes) = (0, 0) }
                .findings.isEmpty, "inodes that are made as needed")
    }

    @Test func whatIsThereAlready_isNotToCome_butOnlyAsFarAsItWasAgreedOn() throws {
        let report = try judged { $0[1].root!.trees = [size(400, 300_000)] }
        #expect(report.checks[1].toCome?.bytes == 700_000 && report.checks[1].toCome?.entries == 600)
        let agreed = try judged {
            $0[1].root!.trees = [size(400, 300_000)]
            for peer in 0...1 {
                $0[peer].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .known(size(10, 100_000)))
            }
        }
        #expect(agreed.checks[1].toCome?.bytes == 900_000 && agreed.checks[1].toCome?.entries == 990)
    }

    @Test func peersOfOneFileSystem_shareItsRoom() throws {
        let found = try finding {
            for peer in 1...2 {
                $0[peer].host!.boot = "same"
                $0[peer].root!.fileSystem!.freeBytes = 1_500_000
            }
        }
        #expect(found.error.code == "stage.no-space" && found.peers == ["eu", "us"])
    }

    @Test func treeThatWasNotCountedInTime_isTakenFromTheSnapshot() throws {
        let report = try judged {
            $0[0].root!.trees[0]!.isComplete = false
            var agreed = size(5000, 9_000_000)
            agreed.source = .snapshot
            for peer in 0...1 {
                $0[peer].root!.sessions[0] = SessionFacts(session: "t-build-eu", state: .known(agreed))
            }
        }
        #expect(report.checks[1].toCome?.source == .snapshot && report.checks[1].toCome?.bytes == 9_000_000)
        #expect(report.checks[2].toCome?.isComplete == false)
    }

    // MARK: file systems, watches, clocks

    @Test func targetThatTakesTwoNamesForOne_isAWarning() throws {
        let found = try finding { $0[1].root!.fileSystem!.abilities[0].isThere = false }
        #expect(found.error.code == "doctor.case" && found.exit == .problems && found.severity == .warning)
        #expect(
            try judged { for peer in 0...2 { $0[peer].root!.fileSystem!.abilities[0].isThere = false } }.findings
                .isEmpty)
        #expect(try finding { $0[1].root!.fileSystem!.abilities[1].isThere = false }.error.code == "doctor.names")
    }

    @Test func coarseTimes_areANote() throws {
        let found = try finding { $0[1].root!.fileSystem!.timeStepNanoseconds = 2_000_000_000 }
        #expect(found.error.code == "doctor.times" && found.exit == .inStep)
    }

    @Test func tooFewWatches_areANote_withTheCommand() throws {
        let found = try finding { $0[0].host!.watchesMax = 100 }
        #expect(found.error.code == "doctor.watches" && found.severity == .note && found.exit == .inStep)
        #expect(found.commands == ["sudo sysctl -w fs.inotify.max_user_watches=256"])
        #expect(try judged { $0[0].host!.watchesMax = 101 }.findings.isEmpty)
    }

    @Test func clock_isWorthAWordBeyondAMinute_andItsUncertainty() throws {
        let found = try finding { $0[1].clock = ClockOffset(seconds: -61, uncertainty: 0.1) }
        #expect(found.error.code == "doctor.clock" && found.exit == .problems)
        #expect(try judged { $0[1].clock = ClockOffset(seconds: 61, uncertainty: 2) }.findings.isEmpty)
    }

    @Test func offset_isFromFourTimes() {
        func at(_ seconds: Double) -> Timestamp {
            Timestamp(seconds: Int64(seconds), nanoseconds: UInt32((seconds - Double(Int64(seconds))) * 1e9))
        }
        // 100 s ahead, 0.5 s each way, 8 s of counting in between.
        let offset = ClockOffset(sent: at(1000), asked: at(1100.5), answered: at(1108.5), received: at(1009))
        #expect(abs(offset.seconds - 100) < 1e-6 && abs(offset.uncertainty - 0.5) < 1e-6)
    }

    @Test func worstFinding_comesFirst_andDecidesTheExit() throws {
        let error = HeadwaterError("ssh.connect", "no", remedy: "look", exit: .unreachable)
        let report = try judged {
            $0[0].host!.watchesMax = 1
            ($0[1].root, $0[1].failure) = (nil, (.port, error))
            $0[2].root!.kind = .other
            $0[2].clock = ClockOffset(seconds: 1000, uncertainty: 0)
        }
        #expect(report.findings.map(\.error.code) == ["halt.retyped", "ssh.connect", "doctor.clock", "doctor.watches"])
        #expect(report.exit == .halted)
    }
}
