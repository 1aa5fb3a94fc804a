import Core
import Topologies

extension DoctorJudgement {
    /// What a run would do with the directory of a peer as it is.
    mutating func judgeRoot(_ peer: Int) {
        guard let root = checks[peer].root else { return }
        switch root.kind {
        case .hidden:
            report(
                peer, "halt.unreadable", "the root \(root.path) cannot be looked at",
                "let this user read \(root.path)", .halted, cause: root.cause, "ls -ld \(ShellWord.quoted(root.path))")
        case .other:
            report(
                peer, "halt.retyped", "\(root.path) is no directory", "make it a directory, or correct the path",
                .halted, "ls -ld \(ShellWord.quoted(root.path))")
        case .missing: judgeMissing(peer, root)
        case .directory: judgeDirectory(peer, root)
        }
        judgeDatabase(peer, root)
    }

    private func isUpstream(_ peer: Int) -> Bool { topology.edges.contains { $0.upstream == peer } }
    private func isDownstream(_ peer: Int) -> Bool { topology.edges.contains { $0.downstream == peer } }

    /// As either end of any edge of the peer remembers it: what is missing has taken its own databases along.
    private func hasRun(_ peer: Int) -> Bool {
        let edges = topology.edges.filter { $0.upstream == peer || $0.downstream == peer }
        return edges.flatMap(states).contains { if case .none = $0.1 { false } else { true } }
    }

    private mutating func judgeMissing(_ peer: Int, _ root: RootFacts) {
        let path = ShellWord.quoted(root.path)
        let declared = topology.peers[peer]
        if declared.mount != nil {
            report(
                peer, "halt.unmounted", "\(root.path) does not exist, so it is not mounted", "mount its file system",
                .halted, "sudo mount \(path)")
        } else if hasRun(peer) {
            report(
                peer, "halt.missing", "\(root.path) does not exist, and sessions have run with it",
                "bring it back, or correct its path in the topology file", .halted)
        } else if isDownstream(peer) {
            judgeTargetToBeMade(peer, root)
        } else if isUpstream(peer) {
            report(
                peer, "halt.missing", "\(root.path) does not exist, and nothing flows into it that would make it",
                "put there what is to be synced, or correct the path", .halted, "mkdir -p \(path)")
        }
    }

    /// A first run makes the last component of the path, and no more.
    private mutating func judgeTargetToBeMade(_ peer: Int, _ root: RootFacts) {
        let path = ShellWord.quoted(root.path)
        if !root.isParentThere {
            report(
                peer, "root.no-parent", "\(root.path) does not exist, nor does the directory above it",
                "make that, or correct the path in the topology file", .edgeFailed,
                "mkdir -p " + ShellWord.quoted("/" + root.path.split(separator: "/").dropLast().joined(separator: "/")))
        } else if !root.isWritable {
            report(
                peer, "root.no-parent", "\(root.path) does not exist, and this user may not make it",
                "make it and give it to this user", .edgeFailed,
                "sudo mkdir \(path) && sudo chown \"$(id -u):$(id -g)\" \(path)")
        }
    }

    private mutating func judgeDirectory(_ peer: Int, _ root: RootFacts) {
        let path = ShellWord.quoted(root.path)
        if root.isMarkThere == false {
            report(
                peer, "halt.unmounted", "\(root.path): \(topology.peers[peer].mount ?? "") is missing in it",
                "mount the file system of \(root.path)", .halted, "sudo mount \(path)")
        }
        if !root.isReadable {
            report(
                peer, "halt.unreadable", "this user may not list \(root.path)", "permit it", .halted, "ls -ld \(path)")
        }
        guard isDownstream(peer) else { return }
        if root.fileSystem?.isReadOnly == true {
            report(
                peer, "apply.read-only", "the file system of \(root.path) is mounted read-only", "mount it writable",
                .edgeFailed, "sudo mount -o remount,rw \"$(findmnt -no TARGET --target \(path))\"")
        } else if !root.isWritable {
            report(
                peer, "stage.unusable", "this user may not write into \(root.path)", "give the directory to this user",
                .edgeFailed, "sudo chown \"$(id -u):$(id -g)\" \(path)")
        }
    }

    /// Every end keeps a database of each session.
    private mutating func judgeDatabase(_ peer: Int, _ root: RootFacts) {
        let database = root.database
        let path = ShellWord.quoted(database.path)
        let isApart = topology.peers[peer].database != nil
        guard isUpstream(peer) || isDownstream(peer), root.kind == .directory || isApart else { return }
        if !database.isThere {
            report(
                peer, "snapshot.directory", "the directory of the databases, \(database.path), does not exist",
                "make it, or correct `database`", .databaseRefuses, "mkdir -p \(path)")
        } else if !database.isWritable, isApart || root.isWritable || !isDownstream(peer) {
            report(
                peer, "snapshot.directory", "this user may not keep a database in \(database.path)",
                isApart ? "permit it" : "permit it, or set `database` of the peer to a directory of this user",
                .databaseRefuses, "ls -ld \(path)")
        }
    }

    /// - Parameter command: as it is typed on the peer's machine.
    mutating func report(
        _ peer: Int, _ code: String, _ message: String, _ remedy: String, _ exit: ExitCode, cause: String? = nil,
        _ command: String? = nil
    ) {
        let error = HeadwaterError(code, message, remedy: remedy, exit: exit, cause: cause)
        let commands = command.map { [DoctorCommands.there(topology.peers[peer], $0)] } ?? []
        findings.append(Finding(.error, [checks[peer].peer], error, commands: commands))
    }
}
