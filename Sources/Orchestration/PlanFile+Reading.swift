import Content
import Core
import Glibc
import Platform
import Wire

extension PlanFile {
    /// The most of a file that is read.
    private static let bytesMax = 1 << 30

    /// Reads a file that `plan --out` has written. Nothing in it is believed before all of it was checked.
    ///
    /// - Throws: `plan.file`, exit 2.
    package static func read(_ path: String) throws(HeadwaterError) -> PlanFile {
        let content: [UInt8]
        do throws(SystemError) { content = try readFile(path, bytesMax: bytesMax) } catch {
            throw unusable(path, "it cannot be read", error.description)
        }
        do throws(Fault) { return try PlanFile(decoding: content) } catch { throw unusable(path, error.text, nil) }
    }

    /// Writes it, whole or not at all.
    ///
    /// - Throws: `plan.out`.
    package func write(_ path: String) throws(HeadwaterError) {
        let aside = "\(path).\(getpid()).new"
        do throws(SystemError) {
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
            let file = try Descriptor(at: Descriptor.workingDirectory, aside, flags, mode: 0o600)
            try writeFully(file.raw, encoded)
            try check("rename") { rename(aside, path) }
        } catch {
            unlink(aside)
            throw HeadwaterError(
                "plan.out", "the plan cannot be kept in \(path)",
                remedy: "name a file in a directory that can be written",
                exit: .usage, cause: error.description)
        }
    }

    private static func unusable(_ path: String, _ why: String, _ cause: String?) -> HeadwaterError {
        HeadwaterError(
            "plan.file", "\(path) is no plan that can be carried out: \(why)",
            remedy: "make one with `headwater plan --out`, and leave it as it is", exit: .usage, cause: cause)
    }

    struct Fault: Error { var text: String }

    init(decoding content: [UInt8]) throws(Fault) {
        guard let text = String(validating: content, as: UTF8.self) else { throw Fault(text: "it is not UTF-8") }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.first.map({ $0 == PlanFile.firstLine }) ?? false else {
            throw Fault(text: "it does not begin with `\(PlanFile.firstLine)`")
        }
        guard lines.popLast() == "", let last = lines.popLast(), last.hasPrefix("end ") else {
            throw Fault(text: "its end is missing")
        }
        let covered = content.dropLast(last.utf8.count + 1)
        let digest = SHA256.hash(Array(covered)).hex
        guard last.dropFirst(4) == digest else { throw Fault(text: "it was changed since it was made") }
        self.init(edges: [])
        lines.removeFirst()
        for line in lines { try take(line) }
        if Set(edges.map(\.session)).count != edges.count { throw Fault(text: "an edge stands twice") }
    }

    private mutating func take(_ line: Substring) throws(Fault) {
        if line.hasPrefix("edge ") { return edges.append(try PlanFile.edge(line)) }
        guard !edges.isEmpty else { throw Fault(text: "a step of no edge") }
        let last = edges.count - 1
        if line.hasPrefix("< ") {
            guard edges[last].steps.last?.action == .rename, edges[last].steps.last?.from == nil else {
                throw Fault(text: "a rename from nowhere")
            }
            edges[last].steps[edges[last].steps.count - 1].from = try PlanFile.path(line.dropFirst(2))
            return
        }
        guard edges[last].steps.count < SessionPurpose.stepsMax else { throw Fault(text: "too many steps") }
        edges[last].steps.append(try PlanFile.step(line))
    }

    private static func edge(_ line: Substring) throws(Fault) -> Edge {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 7, Name.isValid(String(words[1])), words[2].utf8.count == 64 else {
            throw Fault(text: "an edge that cannot be read")
        }
        var position: SessionPosition?
        if words[3] != "-" {
            guard let id = Digest(hex: words[3]), let up = Int64(words[4]), let down = Int64(words[5]), up >= 0,
                down >= 0
            else { throw Fault(text: "a position that cannot be read") }
            position = SessionPosition(id: id, upstream: up, downstream: down)
        }
        return Edge(
            session: String(words[1]), asked: String(words[2]), position: position,
            ending: words[6] == "-" ? nil : String(words[6]), steps: [])
    }

    private static func step(_ line: Substring) throws(Fault) -> ForeseenStep {
        let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: false)
        guard words.count == 6, words[0].count == 1, let action = ForeseenStep.Action(sign: words[0].first!),
            words[1] == "up" || words[1] == "down", let bytes = UInt64(words[4]), bytes <= CycleCounts.bytesMax
        else { throw Fault(text: "a step that cannot be read: \(Printable.text(String(line.prefix(80))))") }
        return ForeseenStep(
            action, try path(words[5]), isUpward: words[1] == "up", before: try side(words[2]),
            after: try side(words[3]), bytes: bytes)
    }

    private static func path(_ text: Substring) throws(Fault) -> TreePath {
        guard let bytes = Printable.bytes(String(text)),
            let path = try? TreePath(validating: bytes.map { $0 == UInt8(ascii: "/") ? 0 : $0 }), !path.isRoot
        else { throw Fault(text: "a path that cannot be read: \(Printable.text(String(text.prefix(80))))") }
        return path
    }

    private static func side(_ text: Substring) throws(Fault) -> ForeseenStep.Side? {
        if text == "-" { return nil }
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        guard words.count == 6, let kind = EntryKind(letter: words[0]), let mode = UInt16(words[1], radix: 8),
            mode <= 0o7777, let size = UInt64(words[2]), let mtime = time(words[3])
        else { throw Fault(text: "an entry that cannot be read: \(Printable.text(String(text.prefix(80))))") }
        var side = ForeseenStep.Side(Attributes(kind: kind, mode: mode, size: size, mtime: mtime))
        if words[4] != "-" {
            guard let changed = time(words[4]) else { throw Fault(text: "a time that cannot be read") }
            side.changedAt = changed
        }
        if words[5] != "-" {
            guard let digest = Digest(hex: words[5]) else { throw Fault(text: "a digest that cannot be read") }
            side.digest = digest
        }
        return side
    }

    private static func time(_ text: Substring) -> Timestamp? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let seconds = Int64(parts[0]), let nanoseconds = UInt32(parts[1]),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }
}
