import Foundation
import Platform

/// A program under test that was started and can be signalled; its output goes to files, so it never waits for a reader.
///
/// Always reaped by a thread of its own, killed when it outlives its time limit.
package final class RunningProcess: Sendable {
    package struct Outcome: Sendable {
        /// The exit status; 128 + n when signal n ended it.
        package var exit: Int32
        package var stdout: String
        package var stderr: String
        package var timedOut: Bool
    }

    private struct State {
        var exit: Int32?
        var timedOut = false
    }

    package let pid: Int32
    private let files: TemporaryDirectory
    private let state = Monitor(State())

    /// Starts `arguments[0]` (an absolute path) in `directory` with exactly `environment` and `stdin` as its input.
    package init(
        _ arguments: [String], environment: [String: String], directory: String = "/", stdin: String = "",
        limitSeconds: Int = 120
    ) throws {
        let files = TemporaryDirectory("process")
        try Data(stdin.utf8).write(to: URL(fileURLWithPath: files("in")))
        self.files = files
        pid = try spawnWithFiles(arguments, environment, directory, files.path)
        startReaper()
        let (pid, state) = (pid, state)
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(limitSeconds)) {
            state.update {
                guard $0.exit == nil else { return }
                $0.timedOut = true
                kill(pid, SIGKILL)
            }
        }
    }

    package var isRunning: Bool { state.read { $0.exit == nil } }

    /// Sends a signal unless the process is over; never reaches another process that got the same number.
    package func signal(_ number: Int32) {
        let pid = pid
        state.read { if $0.exit == nil { kill(pid, number) } }
    }

    /// Waits for the end without holding a thread of the cooperative pool.
    package func outcome() async -> Outcome {
        let (exit, timedOut) = await offPool { [state] in
            state.wait { state in state.exit.map { ($0, state.timedOut) } }
        }
        return Outcome(exit: exit, stdout: text("out"), stderr: text("err"), timedOut: timedOut)
    }

    /// What it has written to stdout so far.
    package var stdoutSoFar: String { text("out") }

    private func text(_ name: String) -> String {
        String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: files(name)))) ?? Data(), as: UTF8.self)
    }

    private func startReaper() {
        let (pid, state) = (pid, state)
        Thread.detachNewThread {
            var info = siginfo_t()
            while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            state.update {
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                $0.exit = (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
            }
        }
    }
}

/// Runs blocking work on a thread of its own.
package func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// The same for work that fails.
package func offPoolThrowing<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}

/// Lets a random moment pass, for faults that must strike anywhere; never used to wait for an effect.
package func letPass(microseconds: Int) async {
    await offPool { _ = poll(nil, 0, Int32(max(1, microseconds / 1000))) }
}

/// Waits until `condition` holds, at most `limitSeconds`; returns whether it did.
package func until(limitSeconds: Int = 60, _ condition: @escaping @Sendable () -> Bool) async -> Bool {
    await offPool {
        let end = Date().addingTimeInterval(Double(limitSeconds))
        while !condition() {
            if Date() > end { return false }
            poll(nil, 0, 1)
        }
        return true
    }
}

private func spawnWithFiles(
    _ arguments: [String], _ environment: [String: String], _ directory: String, _ files: String
) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, files + "/in", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, files + "/out", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, files + "/err", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    // `env` changes the directory and becomes the program, so that the process keeps its number.
    let argv = (["/usr/bin/env", "-C", directory] + arguments).map { strdup($0) }
    let envp = environment.map { strdup("\($0.key)=\($0.value)") }
    defer { (argv + envp).forEach { free($0) } }
    var pid: Int32 = 0
    let failed = posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, argv + [nil], envp + [nil])
    if failed != 0 { throw SystemError("posix_spawn", failed) }
    return pid
}
