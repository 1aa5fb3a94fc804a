import Foundation
import Platform

/// A program that runs on a terminal of its own, of which the test is the person: types, and reads what is shown.
package final class TerminalProcess: Sendable {
    private struct State: Sendable {
        var shown: [UInt8] = []
        var exit: Int32?
    }

    /// TIOCSPTLCK and TIOCGPTN.
    private static let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)

    package let pid: Int32
    private let master: Descriptor
    private let slave: Descriptor
    private let state = Monitor(State())

    /// Starts `arguments[0]` (an absolute path) with exactly `environment`; its input, output and errors are a terminal of 80 × 24, which
    /// it controls. Killed after `limitSeconds`.
    package init(_ arguments: [String], environment: [String: String], limitSeconds: Int = 60) throws {
        master = try Descriptor(at: Descriptor.workingDirectory, "/dev/ptmx", O_RDWR | O_NOCTTY)
        var (locked, number): (Int32, UInt32) = (0, 0)
        guard ioctl(master.raw, TerminalProcess.setLock, &locked) == 0,
            ioctl(master.raw, TerminalProcess.getNumber, &number) == 0
        else { throw SystemError("ioctl") }
        let name = "/dev/pts/\(number)"
        slave = try Descriptor(at: Descriptor.workingDirectory, name, O_RDWR | O_NOCTTY)
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(slave.raw, UInt(TIOCSWINSZ), &size)
        pid = try TerminalProcess.spawn(arguments, environment, name)
        readWhatIsShown()
        reap()
        let (pid, state) = (pid, state)
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(limitSeconds)) {
            state.read { if $0.exit == nil { kill(pid, SIGKILL) } }
        }
    }

    /// Everything shown so far.
    package var shown: String { String(decoding: state.read { $0.shown }, as: UTF8.self) }

    package func type(_ text: String) { try? writeFully(master.raw, Array(text.utf8)) }

    /// Whether what is typed is shown.
    package var echoes: Bool {
        var settings = termios()
        return tcgetattr(slave.raw, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Waits until `text` has been shown `count` times; false when the program ends first.
    package func wait(for text: String, count: Int = 1) async -> Bool {
        await offPool { [state] in
            state.wait { state in
                let shown = String(decoding: state.shown, as: UTF8.self)
                if shown.components(separatedBy: text).count > count { return true }
                return state.exit == nil ? nil : false
            }
        }
    }

    /// Waits for the end: the exit status, 128 + n when signal n ended it.
    package func exit() async -> Int32 { await offPool { [state] in state.wait { $0.exit } } }

    private func readWhatIsShown() {
        let (master, state) = (master, state)
        Thread.detachNewThread {
            var chunk = [UInt8](repeating: 0, count: 65536)
            while true {
                let got = Glibc.read(master.raw, &chunk, chunk.count)
                if got > 0 { state.update { $0.shown += chunk[..<got] } }
                let isOver = state.read { $0.exit != nil }
                if got <= 0, errno != EINTR, isOver { return }
                // Ends by itself some time after the program: this side holds the terminal open, too.
                if isOver {
                    var ready = pollfd(fd: master.raw, events: Int16(POLLIN), revents: 0)
                    if poll(&ready, 1, 0) == 0 { return }
                }
            }
        }
    }

    private func reap() {
        let (pid, state, slave) = (pid, state, slave)
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let exit = (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
            state.update { $0.exit = exit }
            // Wakes the reader, which may wait for more.
            try? writeFully(slave.raw, [0])
        }
    }

    private static func spawn(_ arguments: [String], _ environment: [String: String], _ terminal: String)
        throws(SystemError) -> Int32
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The leader of a session that opens a terminal controls it.
        posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
        for copy: Int32 in [1, 2] { posix_spawn_file_actions_adddup2(&actions, 0, copy) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let newSession: Int16 = 0x80
        posix_spawnattr_setflags(
            &attributes, newSession | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        let argv = arguments.map { strdup($0) }
        let envp = environment.map { strdup("\($0.key)=\($0.value)") }
        defer { (argv + envp).forEach { free($0) } }
        var pid: Int32 = 0
        let failed = posix_spawn(&pid, arguments[0], &actions, &attributes, argv + [nil], envp + [nil])
        if failed != 0 { throw SystemError("posix_spawn", failed) }
        return pid
    }
}
