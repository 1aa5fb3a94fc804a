import Core
import Glibc
import Platform
import Roots
import Snapshots
import Wire

/// Opens what one end needs before it can say hello: tree, lock, and a look at the database.
struct Opening {
    let root: Root
    let directory: SessionDirectory
    /// Nil in a plan.
    let lock: SessionLock?
    /// In a plan only.
    let planned: PlannedEnd?
    let mark: TreePath?
    /// What was made of the root for a first cycle, from above to below; taken back if that is refused.
    private let made: [String]
    /// Whether the session's private directory was made just now.
    private let isNew: Bool

    /// Which part this process has in the session.
    struct Role {
        /// A missing root may be made, when its parent exists: only for the target of a first cycle.
        var mayCreate: Bool
        /// The orchestrator knows that the owner of the lock is a dead process of its own host.
        var mayTakeOver: Bool
        /// The session is not initiated at this end; for the wording of refusals.
        var isPeer: Bool
        /// This process holds the lock for an orchestrator.
        var isAgent: Bool
        /// Nothing is made, locked or written.
        var isPlan = false
        /// Another turn of this session may build on this one; of a plan only.
        var isBidi = false
    }

    init(_ end: EndRequest, session: String, owner: LockOwner, registry: RootRegistry, _ role: Role)
        throws(HeadwaterError)
    {
        let path = try Opening.expanded(end.path)
        let database = try end.database.map(Opening.expanded)
        let mayCreate = role.mayCreate && end.mount == nil && !Opening.hasDatabase(database, session)
        (root, made) = try Opening.root(at: path, end, registry, mayCreate: mayCreate, isPlan: role.isPlan)
        mark = end.mount.flatMap { Opening.mark($0, subpath: end.subpath) }
        let base = end.subpath == nil ? root.canonicalPath : String(root.canonicalPath.dropLast(end.subpath!.count + 1))
        directory = SessionDirectory(database: database ?? (base.isEmpty ? "/" : base), session: session)
        if role.isPlan {
            (isNew, lock) = (false, nil)
            planned = PlannedEnd.find(directory, in: registry, isKept: role.isBidi)
            try PlannedEnd.requireFree(directory, isPeer: role.isPeer)
            return
        }
        isNew = (try? directory.open()) == nil
        lock = try Opening.lock(directory, owner, role)
        planned = nil
    }

    /// Takes back what was made for a run that was refused: directories that are still empty but for the lock.
    func undo() {
        if isNew { directory.removeIfUnused() }
        for path in made.reversed() { rmdir(path) }
    }

    /// Runs `body`. In a plan, what it read must not have been written meanwhile, and nothing is left of one that failed.
    func planning<Result>(_ body: () throws(HeadwaterError) -> Result) throws(HeadwaterError) -> Result {
        guard let planned else { return try body() }
        do throws(HeadwaterError) {
            let result = try body()
            try planned.database.checkUnchanged()
            return result
        } catch {
            defer { planned.letGo() }
            throw planned.told(error)
        }
    }

    /// How this end's database stands. The terms are looked for under other session names where there is none.
    func state(_ terms: SessionTerms) throws(HeadwaterError) -> EndState {
        let snapshot = planned?.database.inspect() ?? Snapshot.inspect(directory: directory)
        let sibling =
            snapshot == .none
            ? try Snapshot.sibling(directory: directory, terms: terms, leavesTraces: planned == nil) : nil
        return EndState(snapshot: snapshot, file: directory.databaseFile, sibling: sibling)
    }

    // MARK: Parts

    /// `~/…` is the home directory of this user, at this end.
    static func expanded(_ path: String) throws(HeadwaterError) -> String {
        guard path == "~" || path.hasPrefix("~/") else { return path }
        guard
            let home = getenv("HOME").map({ String(cString: $0) })
                ?? getpwuid(geteuid()).map({ String(cString: $0.pointee.pw_dir) })
        else {
            throw HeadwaterError(
                "root.no-home", "\(path) needs a home directory and there is none", remedy: "give the absolute path")
        }
        return home + path.dropFirst()
    }

    private static func root(
        at path: String, _ end: EndRequest, _ registry: RootRegistry, mayCreate: Bool, isPlan: Bool
    ) throws(HeadwaterError) -> (Root, made: [String]) {
        let given = end.subpath.map { "\(path)/\($0)" } ?? path
        var made: [String] = []
        do throws(RootFault) {
            return (try registry.root(path: path, subpath: end.subpath, mount: end.mount), [])
        } catch {
            if error == .missing, isPlan { return (try planned(path, end, registry, mayCreate: mayCreate), []) }
            guard error == .missing, mayCreate else { throw SafetyStop.fault(error, given) }
            made = make(path, end.subpath)
        }
        do throws(RootFault) {
            return (try registry.root(path: path, subpath: end.subpath, mount: end.mount), made)
        } catch {
            throw error == .missing ? noParent(of: path) : SafetyStop.fault(error, given)
        }
    }

    /// A root that is not there, in a plan: a first cycle would make it, or an edge above.
    private static func planned(
        _ path: String, _ end: EndRequest, _ registry: RootRegistry, mayCreate: Bool
    ) throws(HeadwaterError) -> Root {
        let root: Root?
        do throws(RootFault) {
            root = try registry.absentRoot(path: path, subpath: end.subpath, mayCreate: mayCreate)
        } catch { throw mayCreate ? noParent(of: path) : SafetyStop.fault(.missing, path) }
        guard let root else { throw SafetyStop.fault(.missing, end.subpath.map { "\(path)/\($0)" } ?? path) }
        return root
    }

    /// A first cycle makes the last component of the target's path, and no more: a typing error must not grow a tree.
    private static func noParent(of path: String) -> HeadwaterError {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        return HeadwaterError(
            "root.no-parent",
            "the directory /\(parent) does not exist; only the last part of \(path) is made by itself",
            remedy: "correct the path; or on that machine: mkdir -p \(ShellWord.quoted(path))")
    }

    /// Makes the last component of `path`, and `subpath` beneath it, as far as they are missing; symlinks are not followed there.
    private static func make(_ path: String, _ subpath: String?) -> [String] {
        var made = mkdir(path, 0o755) == 0 ? [path] : []
        guard var parent = try? Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_DIRECTORY) else {
            return made
        }
        var current = path
        for component in (subpath ?? "").split(separator: "/") {
            current += "/" + component
            if mkdirat(parent.raw, String(component), 0o755) == 0 { made.append(current) }
            guard let next = try? Descriptor(at: parent.raw, String(component), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            else {
                break
            }
            parent = next
        }
        return made
    }

    /// Whether something was agreed on before: then a missing root is none that was never there.
    private static func hasDatabase(_ database: String?, _ session: String) -> Bool {
        guard let database else { return false }
        return Snapshot.isPresent(SessionDirectory(database: database, session: session))
    }

    /// The file that shows that the tree is mounted, as a path of the tree that is synced; nil where it lies outside.
    private static func mark(_ mount: String, subpath: String?) -> TreePath? {
        guard let subpath else { return try? TreePath(slashed: mount) }
        return mount.hasPrefix(subpath + "/") ? try? TreePath(slashed: String(mount.dropFirst(subpath.count + 1))) : nil
    }

    /// Takes the session's lock. Where its owner is dead but left an agent behind, that is told to stop, and killed after five seconds.
    ///
    /// Whether the owner is dead is for its own host to know: the refusal carries the owner in `facts`, so that the orchestrator can
    /// look and come back with `mayTakeOver`.
    private static func lock(
        _ directory: SessionDirectory, _ owner: LockOwner, _ role: Role
    ) throws(HeadwaterError) -> SessionLock {
        var signals: [Int32] = [SIGTERM, SIGKILL]
        var deadline: UInt64?
        while true {
            let holder: LockOwner?
            switch try SessionLock.acquire(directory: directory, owner: role.isAgent ? owner.heldByThisAgent() : owner)
            {
            case .acquired(let lock): return lock
            case .held(let by): holder = by
            }
            let isWaiting = deadline.map { MonotonicClock.now < $0 } ?? false
            guard let holder,
                role.mayTakeOver || holder.isDeadProcessOfThisHost
                    || (role.isAgent && holder.isSameOrchestrator(as: owner)),
                isWaiting || !signals.isEmpty
            else {
                var error = LockOwner.alreadyRunning(session: directory.session, owner: holder, atPeer: role.isPeer)
                error.facts = holder?.text
                throw error
            }
            if !isWaiting {
                let signal = signals.removeFirst()
                if let agent = holder.agent, Host.startTime(of: agent.process) == agent.started {
                    if agent.process == getpid() {
                        SessionsHere.end(directory.databaseFile)
                    } else {
                        kill(agent.process, signal)
                    }
                }
                deadline = MonotonicClock.after(seconds: 5)
            }
            usleep(20_000)
        }
    }
}

extension LockOwner {
    /// Whether the other one's orchestrator is this one's: then it is a session of this run whose link was lost.
    fileprivate func isSameOrchestrator(as other: LockOwner) -> Bool {
        machine == other.machine && boot == other.boot && namespace == other.namespace && process == other.process
            && started == other.started
    }
}
