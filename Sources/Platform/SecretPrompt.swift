import Glibc

/// Reads a line that is not shown from the terminal of this process, like getpass(3), without blocking signals or being lost to them.
///
/// The terminal's settings are put back when the line is read, when `cancel` is called, and when the terminal goes away.
package final class SecretPrompt: Sendable {
    private static let lineBytesMax = 1024
    private let terminal: Descriptor
    private let wakeUp: WakeUp
    private let isCancelled = Monitor(false)
    /// How the terminal was before a question that is not answered yet.
    private static let before = Monitor<(terminal: Int32, settings: termios)?>(nil)

    /// nil where nobody is there to ask: standard error is no terminal, or the process has none.
    package init?() {
        guard Terminal.isTerminal(2),
            let terminal = try? Descriptor(at: Descriptor.workingDirectory, "/dev/tty", O_RDWR | O_NOCTTY),
            let wakeUp = try? WakeUp()
        else { return nil }
        self.terminal = terminal
        self.wakeUp = wakeUp
    }

    /// Shows `question` and reads a line; nil when there is none, or a process in the background asked. One thread at a time.
    package func read(_ question: String) -> [UInt8]? {
        var before = termios()
        guard !isCancelled.read({ $0 }), tcgetpgrp(terminal.raw) == getpgrp(), tcgetattr(terminal.raw, &before) == 0
        else { return nil }
        var hidden = before
        hidden.c_lflag &= ~tcflag_t(ECHO | ECHONL)
        hidden.c_lflag |= tcflag_t(ICANON | ISIG)
        SecretPrompt.before.update { [terminal] in $0 = (terminal.raw, before) }
        defer {
            SecretPrompt.putBackTerminal()
            try? writeFully(terminal.raw, [10])
        }
        guard tcsetattr(terminal.raw, TCSAFLUSH, &hidden) == 0 else { return nil }
        guard (try? writeFully(terminal.raw, Array(question.utf8))) != nil else { return nil }
        return readLine()
    }

    /// Gives the terminal back as it was before a question that is open, for a process that ends before its thread comes to it.
    package static func putBackTerminal() {
        before.update { open in
            if var settings = open?.settings { tcsetattr(open!.terminal, TCSAFLUSH, &settings) }
            open = nil
        }
    }

    /// Ends `read`, now and from now on. Any thread.
    package func cancel() {
        isCancelled.update { $0 = true }
        wakeUp.signal()
    }

    private func readLine() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: SecretPrompt.lineBytesMax)
        defer { buffer.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) } }
        while true {
            var polls = [
                pollfd(fd: wakeUp.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: terminal.raw, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&polls, 2, -1) < 0 { continue }
            if polls[0].revents != 0 { return nil }
            let got = buffer.withUnsafeMutableBytes { Glibc.read(terminal.raw, $0.baseAddress!, $0.count) }
            if got < 0, errno == EINTR || errno == EAGAIN { continue }
            guard got > 0, let end = buffer[..<got].firstIndex(of: 10) else { return nil }
            return Array(buffer[..<end])
        }
    }
}
