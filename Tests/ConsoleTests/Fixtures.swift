import Console
import Core
import Platform

func identity(_ upstream: String, _ downstream: String, _ mode: Mode = .push) -> EdgeIdentity {
    EdgeIdentity(upstream: upstream, downstream: downstream, session: "t-\(upstream)-\(downstream)", mode: mode)
}

func summary(_ edge: EdgeIdentity, _ exit: ExitCode = .inStep, _ body: (inout EdgeSummary) -> Void = { _ in })
    -> EdgeSummary
{
    var summary = EdgeSummary(edge: edge)
    summary.exit = exit
    body(&summary)
    return summary
}

/// Keeps what a presenter writes.
final class RecordedOutput: Output {
    let results = Monitor("")
    let progressText = Monitor("")
    let terminalSize: LiveView.Size?

    init(terminal: LiveView.Size? = nil) { terminalSize = terminal }

    func result(_ text: String) { results.update { $0 += text } }
    func progress(_ text: String) { progressText.update { $0 += text } }

    var resultLines: [String] { results.read { $0 }.split(separator: "\n").map(String.init) }
    var progressLines: [String] { progressText.read { $0 }.split(separator: "\n").map(String.init) }
}

extension Presenter.Options {
    static func test(
        _ verbosity: Verbosity = .normal, json: Bool = false, live: Bool = false, log: LogFile? = nil
    ) -> Presenter.Options {
        Presenter.Options(
            verbosity: verbosity, json: json, live: live, resultStyle: .plain, progressStyle: .plain, log: log)
    }
}

/// What a terminal of `columns` shows after `text`: enough of a VT100 for what the console sends.
struct Screen {
    var lines: [[Character]] = [[]]
    var row = 0
    var column = 0

    mutating func feed(_ text: String) {
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\n": lineFeed()
            case "\r": column = 0
            case "\u{1B}": escape(&rest)
            default: put(Character(scalar))
            }
        }
    }

    var text: [String] { lines.map { String($0) } }

    private mutating func lineFeed() {
        row += 1
        column = 0
        if row == lines.count { lines.append([]) }
    }

    private mutating func put(_ character: Character) {
        while lines[row].count <= column { lines[row].append(" ") }
        lines[row][column] = character
        column += 1
    }

    private mutating func escape(_ rest: inout ArraySlice<Unicode.Scalar>) {
        var parameters = ""
        _ = rest.popFirst()
        while let scalar = rest.popFirst() {
            if !("A"..."z").contains(scalar) {
                parameters.unicodeScalars.append(scalar)
                continue
            }
            switch scalar {
            case "A": row -= Int(parameters) ?? 1
            case "K": lines[row] = Array(lines[row].prefix(column))
            case "J":
                lines[row] = Array(lines[row].prefix(column))
                lines.removeSubrange((row + 1)...)
            default: break
            }
            return
        }
    }
}
