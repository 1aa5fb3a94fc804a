import Core

/// What `docs/errors.md` says about the code of an error. The document itself is in the program, so that the two cannot differ.
package struct ErrorManual: Sendable, Hashable {
    package var code: String
    /// The exit codes of an edge that ends with it, as they are written: `1, 7`.
    package var exit: String
    package var cause: String
    package var remedy: String

    /// In the order of the document.
    package static let all: [ErrorManual] = {
        let document = String(decoding: PackageResources.errors_md, as: UTF8.self)
        return document.split(separator: "\n").compactMap { ErrorManual(row: $0) }
    }()

    package static func of(_ code: String) -> ErrorManual? { all.first { $0.code == code } }

    /// From ``| `area.what` | exit | what happened | what to do |``.
    private init?(row: Substring) {
        guard row.hasPrefix("| `"), row.hasSuffix(" |") else { return nil }
        let cells = row.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false)
        guard cells.count == 4 else { return nil }
        code = String(cells[0].dropFirst().dropLast())
        exit = String(cells[1])
        cause = String(cells[2])
        remedy = String(cells[3])
    }
}
