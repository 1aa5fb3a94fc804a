import Core
import Foundation
import Platform
import Roots
import Sessions
import Snapshots
import TestSupport
import Wire

/// Both ends of one push in this process, over a socket pair: the real thing but for SSH.
final class TwoEnds: Sendable {
    let directory = TemporaryDirectory("sessions")
    let session: String
    var source: String { directory("source") }
    var target: String { elsewhere?("target") ?? directory("target") }
    private let elsewhere: TemporaryDirectory?
    /// Both ends know that they are in one process.
    private let sharing: Bool

    private let mode: Mode
    private let opensUpstream: Bool
    private let subpath: String?
    private let policy: SessionPolicy

    init(
        session: String = "t-a-b", mode: Mode = .push, opensUpstream: Bool = true, subpath: String? = nil,
        sharing: Bool = false, targetIn parent: String? = nil, policy: SessionPolicy = .standard
    ) {
        self.policy = policy
        self.sharing = sharing
        elsewhere = parent.map { TemporaryDirectory("sessions", in: $0) }
        self.session = session
        (self.mode, self.opensUpstream, self.subpath) = (mode, opensUpstream, subpath)
        signal(SIGPIPE, SIG_IGN)
        mkdir(source, 0o755)
        mkdir(target, 0o755)
    }

    struct Ran: Sendable {
        var outcome: SessionOutcome?
        var error: HeadwaterError?
        var problems: [HeadwaterError]
        var moved: CycleCounts
        /// What a halt listed.
        var paths: [String] = []
        /// Of a session that only plans.
        var planned: [ForeseenStep] = []
    }

    /// Runs one cycle, each end with a registry of its own as on two machines.
    ///
    /// - Parameters:
    ///   - registry: of the end that opens.
    ///   - policy: another one than the session's, from this cycle on.
    ///   - decided: for conflicts, as `resolve` would keep it.
    ///   - carryingOut: the steps of a plan; only they are done.
    ///   - asTarget: run first on the thread of the end that answers.
    func run(
        purpose: SessionPurpose = .run, reset: Bool = false, verify: Bool = false, released: [ReleasedHalt] = [],
        maxDelete: DeleteLimit = .percent(50), mount: String? = nil,
        filter: [String] = [], policy: SessionPolicy? = nil, decided: [String: Keep] = [:],
        carryingOut steps: [ForeseenStep]? = nil, cancellation: Cancellation = Cancellation(),
        patience: Patience = Patience(), isAgent: Bool = false, registry: RootRegistry = RootRegistry(),
        between: FrameProxy? = nil, asTarget: @escaping @Sendable () -> Void = {}
    ) async -> Ran {
        let request = SessionRequest(
            edge: EdgeIdentity(upstream: "a", downstream: "b", session: session, mode: mode), maxDelete: maxDelete,
            policy: policy ?? self.policy, purpose: steps.map { .carryOut(stepsCount: $0.count) } ?? purpose,
            isReset: reset, isVerifying: verify, released: released,
            filter: filter.map { FilterRule(isIncluded: $0.hasPrefix("+"), pattern: Array($0.utf8.dropFirst(2))) },
            resolutions: decided.map { Resolution(pattern: Array($0.key.utf8), keep: $0.value) },
            owner: LockOwner.current().text)
        return await withCheckedContinuation { continuation in
            _ = WorkerThread<Void>("test-cycle") { [self] in
                continuation.resume(
                    returning: cycle(
                        request, mount, steps ?? [], cancellation, patience, isAgent, registry, between, asTarget))
            }
        }
    }

    private func cycle(
        _ request: SessionRequest, _ mount: String?, _ permits: [ForeseenStep], _ cancellation: Cancellation,
        _ patience: Patience, _ isAgent: Bool, _ registry: RootRegistry, _ between: FrameProxy?,
        _ asTarget: @escaping @Sendable () -> Void
    ) -> Ran {
        let (near, other) = try! DescriptorStream.pair()
        let far = between?.join(other) ?? other
        let files = sharing ? LentFiles() : nil
        let responder = WorkerThread<ExitCode>("test-far") {
            asTarget()
            return Responder.serve(far, registry: RootRegistry(), files: files, patience: patience)
        }
        let observer = Collector()
        let upstream = EndRequest(path: source, subpath: subpath)
        let downstream = EndRequest(path: target, subpath: subpath, mount: mount)
        let plan = SessionPlan(
            request: request, here: opensUpstream ? upstream : downstream,
            there: opensUpstream ? downstream : upstream, hereIsUpstream: opensUpstream)
        defer {
            between?.end()
            _ = try? responder.join()
        }
        do throws(HeadwaterError) {
            let outcome = try EdgeSession.run(
                plan, permits: permits, isAgent: isAgent, registry: registry, stream: near, lent: files,
                cancellation: cancellation,
                observer: observer, patience: patience)
            return Ran(
                outcome: outcome, error: nil, problems: observer.problems, moved: observer.moved,
                planned: observer.planned)
        } catch {
            return Ran(
                outcome: nil, error: error, problems: observer.problems, moved: observer.moved,
                paths: observer.list.paths.map(\.description), planned: observer.planned)
        }
    }

    final class Collector: SessionObserver {
        let list = HaltedPaths()
        private let noted = Monitor<[HeadwaterError]>([])
        private let movedCounts = Monitor(CycleCounts())
        var moved: CycleCounts { movedCounts.read { $0 } }
        var problems: [HeadwaterError] { noted.read { $0 } }
        func note(problem: HeadwaterError) { if !list.take(problem) { noted.update { $0.append(problem) } } }
        func note(progress: Core.Progress) {}
        func note(detail: String) {}
        func note(moved: CycleCounts) { movedCounts.update { $0 = moved } }
        func note(recovered: CycleCounts) {}
        private let steps = Monitor<[ForeseenStep]>([])
        var planned: [ForeseenStep] { steps.read { $0 } }
        func note(planned more: [ForeseenStep], recorded: UInt64) { steps.update { $0 += more } }
    }

    // MARK: Trees

    func shell(_ script: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        // Behind it the clock ticks on: a file read in the tick it was written in is read again by the next cycle.
        process.arguments = ["-euc", script + "\nread -rt 0.03 <> <(:) || :"]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        try! process.run()
        process.waitUntilExit()
        precondition(process.terminationStatus == 0, "script failed: \(script)")
    }

    /// Everything that must be equal at both ends, told by find and sha256sum: kind, mode, time in nanoseconds, size, link target, content.
    func listing(_ tree: String) -> String {
        output(
            "cd '\(tree)' && find . -mindepth 1 -path ./.headwater -prune -o -mindepth 1 \\( -type d -printf 'd %m %T@ %p\\0' -o -type l -printf 'l %T@ %l %p\\0' -o -type f -printf 'f %m %T@ %s %p\\0' \\) | sort -z | tr '\\0' '\\n'; find . -path ./.headwater -prune -o -type f -print0 | sort -z | xargs -0r sha256sum"
        )
    }

    /// The same of trees that are too deep for `find`.
    func longListing(_ tree: String) -> String {
        output(
            """
            python3 - '\(directory(tree))' <<'END'
            import os, sys
            def walk(up, name, at):
                here = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=up)
                for n in sorted(os.listdir(here)):
                    if n == '.headwater': continue
                    s = os.stat(n, dir_fd=here, follow_symlinks=False)
                    link = os.readlink(n, dir_fd=here) if s.st_mode >> 12 == 10 else ''
                    body = os.read(os.open(n, os.O_RDONLY, dir_fd=here), 9999) if s.st_mode >> 12 == 8 else b''
                    print(at + '/' + n, oct(s.st_mode), s.st_mtime_ns, link, body)
                    if s.st_mode >> 12 == 4: walk(here, n, at + '/' + n)
                os.close(here)
            walk(None, sys.argv[1], '')
            END
            """)
    }

    /// A file's text, by its path from the directory of both trees; nil where there is none.
    func text(_ path: String) -> String? { try? String(contentsOfFile: directory(path), encoding: .utf8) }

    /// Everything of both trees that a plan must leave as it is, `.headwater` and the times of directories included.
    var traces: String {
        output(
            """
            cd '\(directory.path)' && find . '\(target)' -printf '%p %y %i %m %s %T@ %C@ %l\\0' | sort -zu | tr '\\0' '\\n'
            find . '\(target)' -type f -print0 | sort -zu | xargs -0r sha256sum
            """)
    }

    var rows: (String, String) { (dump(source), dump(target)) }

    private func dump(_ tree: String) -> String {
        output("sqlite3 '\(tree)/.headwater/\(session)/snap.db' .dump 2>&1 || true")
    }

    private func output(_ script: String) -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        process.standardOutput = pipe
        try! process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
