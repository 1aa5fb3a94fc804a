import Core
import Glibc
import Platform

/// Where text goes: standard output and standard error, or what a test puts in their place.
///
/// Once a descriptor refuses (a closed pipe, a full disk), what follows is dropped: a reader that left does not stop a run.
package protocol Output: Sendable {
    /// Results. Blocks while the reader is slow.
    func result(_ text: String)
    /// Progress and log. Blocks while the reader is slow.
    func progress(_ text: String)
    /// Of the terminal behind `progress`, as it is now; nil without one.
    var terminalSize: LiveView.Size? { get }
}

/// Descriptors 1 and 2 of this process.
package struct StandardOutput: Output {
    private static let firstLoss = Monitor<SystemError?>(nil)

    package init() {}

    package func result(_ text: String) {
        do throws(SystemError) { try writeFully(1, Array(text.utf8)) } catch {
            StandardOutput.firstLoss.update { $0 = $0 ?? error }
        }
    }

    package func progress(_ text: String) { try? writeFully(2, Array(text.utf8)) }

    /// Why results of this process were lost, if any were; a reader that left of its own (EPIPE) or was never there (EBADF) lost nothing.
    package static var lostResults: HeadwaterError? {
        guard let loss = firstLoss.read({ $0 }), loss.errno != EPIPE, loss.errno != EBADF else { return nil }
        return HeadwaterError(
            "output.lost", "the results could not be written to standard output",
            remedy: "make room where it leads, then run again: what was done stands", cause: loss.description)
    }

    package var terminalSize: LiveView.Size? {
        if !Terminal.isTerminal(2) { return nil }
        let size = Terminal.size(of: 2) ?? (rows: 24, columns: 80)
        return LiveView.Size(columns: size.columns, rows: size.rows)
    }

    /// The style that `descriptor` and the environment allow: NO_COLOR (set to anything), TERM, the locale's character set.
    package static func style(of descriptor: Int32, noColour: Bool, environment: [String: String]) -> Style {
        let term = environment["TERM"] ?? ""
        let isPlain = noColour || !(environment["NO_COLOR"] ?? "").isEmpty || term.isEmpty || term == "dumb"
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUnicode = locale.uppercased().contains("UTF-8") || locale.uppercased().contains("UTF8")
        return Style(colour: Terminal.isTerminal(descriptor) && !isPlain, unicode: isUnicode)
    }

    /// Whether escape sequences that move the cursor may be used.
    package static func canMoveCursor(_ environment: [String: String]) -> Bool {
        let term = environment["TERM"] ?? ""
        return !term.isEmpty && term != "dumb"
    }
}
