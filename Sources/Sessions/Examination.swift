import Core
import Glibc
import Platform
import Roots
import Snapshots
import Wire

/// What one machine can say of a peer on it before anything runs: the same in an agent and in the orchestrator's own process.
///
/// Leaves no trace: see `RootExamination` and `Glance`.
package enum Examination {
    /// For counting trees and rows of one peer; all in all an answer comes well within `Heartbeat.silenceSeconds`.
    package static let countingSeconds = 8.0

    /// Blocks for the disk.
    package static func run(_ request: ExaminationRequest) -> (HostFacts, RootFacts) {
        var host = HostFacts()
        host.askedAt = WallClock.now
        let system = Host.system
        (host.system, host.name, host.boot) = (
            "\(system.name) \(system.release) \(system.machine)", Host.name, Host.bootID
        )
        (host.user, host.watchesMax) = (geteuid(), Host.watchesMax)
        let root = facts(request)
        host.answeredAt = WallClock.now
        return (host, root)
    }

    private static func facts(_ request: ExaminationRequest) -> RootFacts {
        let deadline = MonotonicClock.after(seconds: countingSeconds)
        let path: String
        let database: String?
        do throws(HeadwaterError) {
            path = try Opening.expanded(request.path)
            database = try request.database.map(Opening.expanded)
        } catch {
            var facts = RootFacts(kind: .hidden, path: request.path)
            facts.cause = error.message
            facts.trees = request.subpaths.map { _ in nil }
            facts.sessions = request.sessions.map { SessionFacts(session: $0, state: .none) }
            return facts
        }
        var facts = RootExamination.facts(
            path: path, mount: request.mount, database: database, subpaths: request.subpaths, until: deadline)
        if facts.trees.isEmpty { facts.trees = request.subpaths.map { _ in nil } }
        let base = database ?? canonical(path)
        facts.sessions = request.sessions.map { session in
            guard Name.isValid(session) else { return SessionFacts(session: session, state: .none) }
            return Examination.session(SessionDirectory(database: base, session: session), deadline)
        }
        return facts
    }

    private static func session(_ directory: SessionDirectory, _ deadline: UInt64) -> SessionFacts {
        let glance = Glance(directory, summingUntil: deadline)
        let state: SessionFacts.State =
            switch glance.state {
            case .none: .none
            case .ok(let meta): meta.isFresh ? .none : .known(glance.agreed)
            case .refused(let fault): .refused(fault.error(file: directory.databaseFile, atPeer: false))
            }
        return SessionFacts(session: directory.session, state: state)
    }

    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
