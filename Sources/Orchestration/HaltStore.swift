import Core
import Glibc
import Platform

/// The halts of one topology, a file for each session: written aside, made durable, renamed.
///
/// A file that cannot be read counts as a halt that stands: the brake stays on. Values go by session name, which is a safe file name.
package struct HaltStore: Sendable {
    /// Facts name every path that a cycle would have deleted at most by digest, so files are small.
    private static let bytesMax = 4 << 20

    private let directory: String

    /// - Parameter directory: absolute; made (0700) by the first `record`.
    package init(directory: String) { self.directory = directory }

    /// The halt of `session`, released or not; nil when there is none.
    package func halt(of session: String) throws(HeadwaterError) -> StandingHalt? {
        let read: [UInt8]?
        do throws(SystemError) { read = try StateFile.read(path(session), bytesMax: HaltStore.bytesMax) } catch {
            throw unreadable(session, error.description)
        }
        guard let content = read else { return nil }
        guard let halt = StandingHalt(decoding: content), halt.session == session else {
            throw unreadable(session, "the content is not a halt of this session")
        }
        return halt
    }

    /// Keeps `halt` in place of what was known of its session; returns once it is durable.
    package func record(_ halt: StandingHalt) throws(HeadwaterError) {
        do {
            try StateFile.write(halt.encoded, to: path(halt.session), in: directory)
        } catch {
            throw notKept(halt.session, error)
        }
    }

    /// Keeps what the halt of `session` would have deleted, a path a line, escaped as everywhere; returns the file (0600).
    package func keep(list: [TreePath], of session: String) throws(HeadwaterError) -> String {
        let file = "\(directory)/\(session).list"
        do {
            let text = list.map { $0.description + "\n" }.joined()
            try StateFile.write(Array(text.utf8), to: file, in: directory)
            return file
        } catch {
            throw notKept(session, error)
        }
    }

    /// Permits exactly what the halt of `session` listed; nil when there is none.
    package func release(_ session: String) throws(HeadwaterError) -> StandingHalt? {
        guard var halt = try halt(of: session) else { return nil }
        if halt.isReleased { return halt }
        halt.isReleased = true
        try record(halt)
        return halt
    }

    /// Forgets the halt of `session`, if there is one.
    package func clear(_ session: String) throws(HeadwaterError) {
        unlink("\(directory)/\(session).list")
        do {
            try check("unlink") { unlink(path(session)) }
        } catch {
            if error.isMissing { return }
            throw HeadwaterError(
                "halt.store", "the halt of \(session) cannot be removed from \(directory)",
                remedy: "permit writing there", cause: error.description)
        }
    }

    private func path(_ session: String) -> String { "\(directory)/\(session).halt" }

    private func notKept(_ session: String, _ error: SystemError) -> HeadwaterError {
        HeadwaterError(
            "halt.store", "the halt of \(session) cannot be kept under \(directory)",
            remedy: "make room and permit writing there; until then its list is missing, and nothing can be released",
            exit: .halted, cause: error.description)
    }

    private func unreadable(_ session: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "halt.store-damaged", "the halt of \(session) cannot be read from \(path(session))",
            remedy: "look into the file; remove it once you know that the edge may go on", exit: .halted, cause: cause)
    }
}
