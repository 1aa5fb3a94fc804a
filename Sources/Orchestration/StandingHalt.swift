import Core

/// What an operator released: the reason and exactly what the halt listed. It permits this and nothing more.
package struct Permit: Equatable, Sendable {
    package var code: String
    package var facts: String

    package init(code: String, facts: String) {
        self.code = code
        self.facts = facts
    }
}

/// A safety stop of one session, as it is kept until a cycle ends well: the cause is gone, or an operator released it.
package struct StandingHalt: Equatable, Sendable {
    package var session: String
    /// The edge as it is written.
    package var edge: String
    /// The reason's code, as `HeadwaterError.code` has it.
    package var code: String
    package var message: String
    package var remedy: String
    /// Exactly what the cycle would have done, in a form that compares. A release permits this and nothing more.
    package var facts: String
    package var at: Timestamp
    package var isReleased: Bool
    /// What was released for this session before and no cycle has ended well with since; at most one for each code, never of `code`.
    package private(set) var earlier: [Permit] = []

    package init(_ error: HeadwaterError, of edge: EdgeIdentity, at: Timestamp) {
        session = edge.session
        self.edge = edge.label
        code = error.code
        message = error.message
        remedy = error.remedy
        facts = error.facts ?? ""
        self.at = at
        isReleased = false
    }

    /// What the next cycle may do.
    package var permits: [Permit] { earlier + (isReleased ? [Permit(code: code, facts: facts)] : []) }

    /// This halt where `previous` was known before: its permits go on, but for one with the same code, which was not enough.
    package func following(_ previous: StandingHalt?) -> StandingHalt {
        var halt = self
        halt.earlier = (previous?.permits ?? []).filter { $0.code != code }
        return halt
    }

    /// Whether `release` is what it waits for; the others end once their cause is gone, and only then.
    package var canBeReleased: Bool { remedy.contains("headwater release") }

    /// What is said of it until a run judges anew.
    package var error: HeadwaterError {
        var error = HeadwaterError(code, message, remedy: remedy, exit: .halted)
        error.edge = edge
        error.facts = facts
        return error
    }
}

extension Permit {
    fileprivate init(line: String) {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(code: String(parts[0]), facts: parts.count > 1 ? String(parts[1]) : "")
    }
}

extension StandingHalt {
    private static let firstLine = "headwater-halt 1"

    /// The file's content: a line per field, `%` and what could end a line escaped.
    var encoded: [UInt8] {
        let fields = [
            ("session", session), ("edge", edge), ("code", code), ("message", message), ("remedy", remedy),
            ("facts", facts), ("at", "\(at.seconds) \(at.nanoseconds)"), ("released", isReleased ? "yes" : "no"),
        ]
        let permits = earlier.map { ("permit", "\($0.code) \($0.facts)") }
        let lines =
            [StandingHalt.firstLine]
            + (fields + permits + [("end", "")]).map { $0.0 + " " + StandingHalt.escaped($0.1) }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// Nil for anything but a whole file of this version.
    init?(decoding bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == StandingHalt.firstLine[...] else { return nil }
        var fields: [String: String] = [:]
        var permits: [Permit] = []
        for line in lines.dropFirst() where !line.isEmpty {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = StandingHalt.unescaped(parts[1]) else { return nil }
            fields[String(parts[0])] = value
            if parts[0] == "permit" { permits.append(Permit(line: value)) }
        }
        guard let session = fields["session"], let edge = fields["edge"], let code = fields["code"],
            let message = fields["message"], let remedy = fields["remedy"], let facts = fields["facts"],
            let at = fields["at"].flatMap(StandingHalt.timestamp), let released = fields["released"],
            fields["end"] == ""
        else { return nil }
        (self.session, self.edge, self.code, self.message) = (session, edge, code, message)
        (self.remedy, self.facts, self.at, isReleased) = (remedy, facts, at, released == "yes")
        earlier = permits
    }

    static func timestamp(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let seconds = Int64(parts[0]), let nanoseconds = UInt32(parts[1]) else { return nil }
        return nanoseconds < 1_000_000_000 ? Timestamp(seconds: seconds, nanoseconds: nanoseconds) : nil
    }

    static func escaped(_ text: String) -> String {
        var out = [UInt8]()
        for byte in text.utf8 {
            switch byte {
            case 0x25, 0..<0x20, 0x7F: out += Array((byte < 16 ? "%0" : "%").utf8) + Array(String(byte, radix: 16).utf8)
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func unescaped(_ text: Substring) -> String? {
        var out = [UInt8]()
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte != 0x25 {
                out.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            out.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: out, as: UTF8.self)
    }
}
