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
    let lock: SessionLock
    let mark: TreePath?

    /// - Parameters:
    ///   - mayCreate: whether a missing root may be made, when its parent exists: only for the target of a first cycle.
    ///   - mayTakeOver: the orchestrator knows that the owner of the lock is a dead process of its own host.
    ///   - isPeer: whether this end did not initiate; for the wording of refusals.
    init(
        _ place: EndPlace, session: String, owner: LockOwner, registry: RootRegistry, mayCreate: Bool,
        mayTakeOver: Bool = false, isPeer: Bool
    ) throws(HeadwaterError) {
        let path = try Opening.expanded(place.path)
        root = try Opening.root(at: path, mount: place.mount, registry, mayCreate: mayCreate && place.mount == nil)
        mark = place.mount.flatMap { try? TreePath(slashed: $0) }
        directory = SessionDirectory(
            database: try place.database.map(Opening.expanded) ?? root.canonicalPath, session: session)
        lock = try Opening.lock(directory, owner, mayTakeOver: mayTakeOver, isPeer: isPeer)
    }

    /// How this end's database stands. The terms are looked for under other session names where there is none.
    func state(_ terms: SessionTerms) throws(HeadwaterError) -> EndState {
        let snapshot = Snapshot.inspect(directory: directory)
        let sibling = snapshot == .none ? try Snapshot.sibling(directory: directory, terms: terms) : nil
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

    private static func root(at path: String, mount: String?, _ registry: RootRegistry, mayCreate: Bool)
        throws(HeadwaterError) -> Root
    {
        do throws(RootFault) { return try registry.root(path: path, mount: mount) } catch {
            guard error == .missing, mayCreate, mkdir(path, 0o755) == 0 else { throw SafetyStop.fault(error, path) }
        }
        do throws(RootFault) { return try registry.root(path: path, mount: mount) } catch {
            throw SafetyStop.fault(error, path)
        }
    }

    /// Takes the session's lock. Where its owner is dead but left an agent behind, that is told to stop, and killed after five seconds.
    ///
    /// Whether the owner is dead is for its own host to know: the refusal carries the owner in `facts`, so that the orchestrator can
    /// look and come back with `mayTakeOver`.
    private static func lock(
        _ directory: SessionDirectory, _ owner: LockOwner, mayTakeOver: Bool, isPeer: Bool
    ) throws(HeadwaterError) -> SessionLock {
        var signals: [Int32] = [SIGTERM, SIGKILL]
        var deadline: UInt64?
        while true {
            let holder: LockOwner?
            switch try SessionLock.acquire(directory: directory, owner: isPeer ? owner.heldByThisAgent() : owner) {
            case .acquired(let lock): return lock
            case .held(let by): holder = by
            }
            let isWaiting = deadline.map { MonotonicClock.now < $0 } ?? false
            guard let holder, mayTakeOver || holder.isDeadProcessOfThisHost, isWaiting || !signals.isEmpty else {
                var error = LockOwner.alreadyRunning(session: directory.session, owner: holder, atPeer: isPeer)
                error.facts = holder?.text
                throw error
            }
            if !isWaiting {
                let signal = signals.removeFirst()
                if let agent = holder.agent, Host.startTime(of: agent.process) == agent.started {
                    kill(agent.process, signal)
                }
                deadline = MonotonicClock.after(seconds: 5)
            }
            usleep(20_000)
        }
    }
}
