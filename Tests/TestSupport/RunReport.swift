import Foundation

/// The output of `headwater run --json`, taken apart without the product's own types.
package struct RunReport {
    /// What `design` fixes as the fields of one edge in the summary.
    package static let edgeFields: Set<String> = [
        "edge", "session", "state", "exit", "files", "directories", "symlinks", "deleted", "renamed", "conflicts",
        "problems", "bytes_payload", "bytes_sent", "bytes_received", "seconds",
    ]
    /// The fields that are zero when nothing moved. (`bytes_sent` and `bytes_received` count the conversation too.)
    package static let movedFields = ["files", "directories", "symlinks", "deleted", "renamed", "bytes_payload"]

    package struct Edge {
        package var fields: [String: JSONValue]

        /// A count; -1 when the field is missing or no number, which no assertion expects.
        package subscript(_ field: String) -> Int { fields[field]?.number.map { Int($0) } ?? -1 }
        package func text(_ field: String) -> String { fields[field]?.text ?? "" }
        package var moved: [String: Int] {
            Dictionary(uniqueKeysWithValues: RunReport.movedFields.map { ($0, self[$0]) })
        }
        package var movedNothing: Bool { moved.values.allSatisfy { $0 == 0 } }
    }

    package var lines: [[String: JSONValue]]
    package var edges: [Edge]

    package struct Malformed: Error, CustomStringConvertible {
        package var description: String
        package init(description: String) { self.description = description }
    }

    /// - Throws: `Malformed` when a line is no object or the last is no summary.
    package init(_ output: String) throws {
        lines = try output.split(separator: "\n").map { line in
            guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8)) else {
                throw Malformed(description: "not an object: \(line)")
            }
            return object
        }
        guard let last = lines.last, last["type"]?.text == "summary", case .array(let edges)? = last["edges"] else {
            throw Malformed(description: "the last line is no summary: \(output.suffix(2000))")
        }
        self.edges = edges.compactMap { if case .object(let fields) = $0 { Edge(fields: fields) } else { nil } }
    }

    /// The edge of a session.
    package func edge(_ session: String) throws -> Edge {
        guard let edge = edges.first(where: { $0.text("session") == session }) else {
            throw Malformed(description: "no session \(session) in the summary")
        }
        return edge
    }
}

package indirect enum JSONValue: Decodable, Sendable {
    case null, bool(Bool), number(Double), string(String), array([JSONValue]), object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package var text: String? { if case .string(let value) = self { value } else { nil } }
    package var number: Double? { if case .number(let value) = self { value } else { nil } }
}
