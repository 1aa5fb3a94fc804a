import Core
import Glibc
import Platform

/// How a run of one edge last ended on this machine: what its databases alone do not tell.
package struct LastRun: Sendable {
    package var session: String
    package var endedAt: Timestamp
    package var exit: ExitCode
    /// Why it did not end well; nil where it did, or was interrupted.
    package var error: HeadwaterError?
    /// When it last ended with everything in step.
    package var succeededAt: Timestamp?

    package init(_ summary: EdgeSummary, at: Timestamp, after previous: LastRun?) {
        (session, endedAt, exit) = (summary.edge.session, at, summary.exit)
        error = summary.error
        if let blocker = summary.skippedBecauseOf {
            error = HeadwaterError(
                "run.skipped", "skipped because of \(blocker.label)", remedy: "see what is wrong with \(blocker.label)",
                exit: summary.exit)
        }
        succeededAt = exit == .inStep ? at : previous?.succeededAt
    }
}

extension LastRun {
    private static let firstLine = "headwater-last 1"

    /// The file's content, in the form of a halt's.
    var encoded: [UInt8] {
        func time(_ time: Timestamp?) -> String { time.map { "\($0.seconds) \($0.nanoseconds)" } ?? "" }
        let fields = [
            ("session", session), ("ended", time(endedAt)), ("exit", "\(exit.rawValue)"),
            ("succeeded", time(succeededAt)), ("code", error?.code ?? ""), ("message", error?.message ?? ""),
            ("remedy", error?.remedy ?? ""), ("end", ""),
        ]
        let lines = [LastRun.firstLine] + fields.map { $0.0 + " " + StandingHalt.escaped($0.1) }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// Nil for anything but a whole file of this version.
    init?(decoding bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n")
        guard lines.first == LastRun.firstLine[...], lines.last == "end " else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = StandingHalt.unescaped(parts[1]) else { return nil }
            fields[String(parts[0])] = value
        }
        guard let session = fields["session"], let endedAt = fields["ended"].flatMap(StandingHalt.timestamp),
            let exit = fields["exit"].flatMap({ UInt8($0) }).flatMap(ExitCode.init(rawValue:)),
            let code = fields["code"], let message = fields["message"], let remedy = fields["remedy"]
        else { return nil }
        (self.session, self.endedAt, self.exit) = (session, endedAt, exit)
        succeededAt = fields["succeeded"].flatMap(StandingHalt.timestamp)
        error = code.isEmpty ? nil : HeadwaterError(code, message, remedy: remedy, exit: exit)
    }
}

/// The last runs of one topology, a file for each session. They are for people who look: what cannot be kept is left out, what cannot be
/// read is not known.
package struct LastRunStore: Sendable {
    private static let bytesMax = 64 * 1024

    private let directory: String

    /// - Parameter directory: absolute; made (0700) when there is something to keep.
    package init(directory: String) { self.directory = directory }

    package func lastRun(of session: String) -> LastRun? {
        guard let content = try? readFile(path(session), bytesMax: LastRunStore.bytesMax),
            let run = LastRun(decoding: content), run.session == session
        else { return nil }
        return run
    }

    /// Keeps how an edge ended, whole or not at all.
    package func record(_ summary: EdgeSummary, at: Timestamp) {
        let session = summary.edge.session
        let run = LastRun(summary, at: at, after: lastRun(of: session))
        let aside = "\(path(session)).\(getpid()).new"
        makeDirectories()
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
        guard let file = try? Descriptor(at: Descriptor.workingDirectory, aside, flags, mode: 0o600) else { return }
        guard (try? writeFully(file.raw, run.encoded)) != nil, rename(aside, path(session)) == 0 else {
            unlink(aside)
            return
        }
    }

    private func path(_ session: String) -> String { "\(directory)/\(session).last" }

    private func makeDirectories() {
        var made = ""
        for part in directory.split(separator: "/") {
            made += "/" + part
            mkdir(made, 0o700)
        }
    }
}
