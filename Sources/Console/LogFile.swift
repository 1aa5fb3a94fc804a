import Core
import Glibc
import Platform

/// The file of `--log-file`: plain lines, each with the time it was written at.
package final class LogFile: Sendable {
    private let file: Descriptor

    /// Opens `path` for appending, made with mode 0600; a symlink is not followed.
    package init(path: String) throws(HeadwaterError) {
        do {
            file = try Descriptor(
                at: Descriptor.workingDirectory, path,
                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                mode: 0o600)
        } catch {
            throw HeadwaterError(
                "log.open", "the log file \(path) cannot be opened",
                remedy: error.errno == ELOOP
                    ? "give the file itself to --log-file, not a symbolic link" : "choose a file that you may write to",
                exit: .usage, cause: error.description)
        }
    }

    /// Appends `lines` in one write. What the disk refuses is lost: a full log never stops a run.
    package func append(_ lines: [String], at time: Timestamp) {
        let stamp = LogFile.timestamp(time)
        let text = lines.map { stamp + " " + $0 + "\n" }.joined()
        try? writeFully(file.raw, Array(text.utf8))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-21T11:45:07.120Z`.
    package static func timestamp(_ time: Timestamp) -> String {
        var seconds = time_t(time.seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let day = [digits(parts.tm_year + 1900, 4), digits(parts.tm_mon + 1, 2), digits(parts.tm_mday, 2)]
        let clock = [digits(parts.tm_hour, 2), digits(parts.tm_min, 2), digits(parts.tm_sec, 2)]
        let milliseconds = digits(Int32(time.nanoseconds / 1_000_000), 3)
        return day.joined(separator: "-") + "T" + clock.joined(separator: ":") + "." + milliseconds + "Z"
    }
}
