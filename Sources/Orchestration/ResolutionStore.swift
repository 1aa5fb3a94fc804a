import Core
import Glibc
import Platform

/// What was decided for the conflicts of each session of a topology, until a run has carried it out: a file for each session, a line for
/// each pattern.
package struct ResolutionStore: Sendable {
    private static let firstLine = "headwater-resolutions 1"
    private static let bytesMax = 8 << 20

    private let directory: String

    /// - Parameter directory: absolute; made (0700) when something is decided.
    package init(directory: String) { self.directory = directory }

    /// In the order in which they were decided; later ones for the same pattern take the place of earlier ones.
    package func resolutions(of session: String) throws(HeadwaterError) -> [Resolution] {
        let content: [UInt8]?
        do throws(SystemError) { content = try StateFile.read(path(session), bytesMax: ResolutionStore.bytesMax) } catch
        {
            throw unusable(session, error.description)
        }
        guard let content else { return [] }
        guard let decoded = ResolutionStore.decode(content) else { throw unusable(session, "it is damaged") }
        return decoded
    }

    /// Keeps what was decided beside what was decided before; durable when it returns.
    ///
    /// - Throws: `resolve.too-many` beyond `Resolution.countMax`, `resolve.store`.
    package func add(_ resolutions: [Resolution], to session: String) throws(HeadwaterError) {
        let patterns = Set(resolutions.map(\.pattern))
        let all = try self.resolutions(of: session).filter { !patterns.contains($0.pattern) } + resolutions
        if all.count > Resolution.countMax {
            throw HeadwaterError(
                "resolve.too-many", "more than \(Resolution.countMax) patterns are decided for \(session)",
                remedy: "run, which carries out those so far; or use a pattern for many paths", exit: .usage)
        }
        do throws(SystemError) {
            try StateFile.write(ResolutionStore.encode(all), to: path(session), in: directory)
        } catch {
            throw unusable(session, error.description)
        }
    }

    /// Forgets what a run was given, once it is carried out; what was decided meanwhile stays.
    package func remove(_ done: [Resolution], from session: String) throws(HeadwaterError) {
        if done.isEmpty { return }
        let left = try resolutions(of: session).filter { !done.contains($0) }
        do throws(SystemError) {
            if left.isEmpty {
                unlink(path(session))
            } else {
                try StateFile.write(ResolutionStore.encode(left), to: path(session), in: directory)
            }
        } catch { throw unusable(session, error.description) }
    }

    private func path(_ session: String) -> String { "\(directory)/\(session).resolutions" }

    private static func encode(_ resolutions: [Resolution]) -> [UInt8] {
        let lines = resolutions.map { "\($0.keep.rawValue) \(Printable.text($0.pattern))" }
        return Array(([firstLine] + lines + ["end"]).map { $0 + "\n" }.joined().utf8)
    }

    private static func decode(_ content: [UInt8]) -> [Resolution]? {
        guard let text = String(validating: content, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n")
        guard lines.count >= 2, lines.first == firstLine[...], lines.last == "end" else { return nil }
        var resolutions: [Resolution] = []
        for line in lines.dropFirst().dropLast() {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let keep = Keep(rawValue: String(parts[0])),
                let pattern = Printable.bytes(String(parts[1]))
            else { return nil }
            resolutions.append(Resolution(pattern: pattern, keep: keep))
        }
        return resolutions
    }

    private func unusable(_ session: String, _ cause: String) -> HeadwaterError {
        HeadwaterError(
            "resolve.store", "what was decided for \(session) cannot be kept in or read from \(path(session))",
            remedy: "make room and permit access there; or remove the file and decide again", cause: cause)
    }
}
