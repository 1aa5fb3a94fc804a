import Core

/// What a terminal shows while a run is under way: a line per edge and one for the whole. Pure.
package struct LiveView {
    /// Columns and rows of the terminal.
    package struct Size: Equatable, Sendable {
        package var columns: Int
        package var rows: Int

        package init(columns: Int, rows: Int) {
            self.columns = columns
            self.rows = rows
        }
    }

    /// What bars leave for the count of edges at the end of the last line.
    private static let tailColumns = 24

    private let size: Size
    private let style: Style
    private let now: UInt64

    package init(size: Size, style: Style, now: UInt64) {
        self.size = Size(columns: max(1, size.columns - 1), rows: max(2, size.rows))
        self.style = style
        self.now = now
    }

    /// At most `rows - 1` lines, none of them as wide as the terminal, so that nothing wraps or scrolls.
    ///
    /// Where not all edges fit, those that run come first and one line counts the others.
    package func lines(_ state: RunState) -> [String] {
        let room = size.rows - 2
        let shown = chosen(state, room)
        let labelColumns = min(shown.map { TerminalText.width(of: $0.identity.label) }.max() ?? 0, size.columns / 3)
        var lines = shown.map { line($0, labelColumns) }
        if shown.count < state.edges.count { lines.append(others(state, shown)) }
        if state.edges.count > 1 { lines.append(whole(state, labelColumns)) }
        return lines.suffix(size.rows - 1).map { $0.rendered(columns: size.columns, colour: style.colour) }
    }

    private func chosen(_ state: RunState, _ room: Int) -> [RunState.Edge] {
        if state.edges.count <= room { return state.edges }
        return Array(state.edges.filter(\.isRunning).prefix(max(0, room - 1)))
    }

    private func others(_ state: RunState, _ shown: [RunState.Edge]) -> StyledLine {
        let running = state.edges.count(where: \.isRunning) - shown.count
        let finished = state.edges.count(where: \.isFinished)
        let waiting = state.edges.count - finished - running - shown.count
        let parts = [(running, "more running"), (waiting, "waiting"), (finished, "finished")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return StyledLine("  " + parts.joined(separator: ", "), .dim)
    }

    private func line(_ edge: RunState.Edge, _ labelColumns: Int) -> StyledLine {
        var line = StyledLine(TerminalText.fitted(edge.identity.label, to: labelColumns) + "  ", .bold)
        switch edge.status {
        case .waiting: line.add("waiting", .dim)
        case .finished(let summary):
            let whole = SummaryText.line(summary).rendered(colour: false)
            line.add(String(whole.dropFirst(summary.edge.label.count + 2)), colour(of: summary))
        case .running(let progress) where progress.fraction == 0:
            line.add(words(progress), .cyan)
        case .running(let progress):
            bar(
                progress.fraction, bytes: progress.bytesDone, rate: edge.meter.bytesPerSecond(at: now),
                left: edge.meter.secondsLeft(at: now), labelColumns, to: &line)
        }
        return line
    }

    private func whole(_ state: RunState, _ labelColumns: Int) -> StyledLine {
        var line = StyledLine(TerminalText.fitted("all", to: labelColumns) + "  ", .bold)
        let fractions = state.edges.reduce(0) { $0 + $1.fraction }
        let rate = state.edges.filter(\.isRunning).reduce(0) { $0 + $1.meter.bytesPerSecond(at: now) }
        let left = state.edges.filter(\.isRunning).compactMap { $0.meter.secondsLeft(at: now) }.max()
        let bytes = state.edges.reduce(0) { $0 &+ $1.bytes }
        let fraction = fractions / Double(state.edges.count)
        bar(fraction, bytes: bytes, rate: rate, left: left, labelColumns, to: &line)
        line.add(tail(state), .dim)
        return line
    }

    private func tail(_ state: RunState) -> String {
        "  \(state.edges.count(where: \.isFinished)) of \(state.edges.count) edges done"
    }

    /// The bar takes what is left beside the figures; a narrow terminal gets the figures alone.
    private func bar(
        _ fraction: Double, bytes: UInt64, rate: Double, left: Double?, _ labelColumns: Int, to line: inout StyledLine
    ) {
        let figures = [
            (Amounts.percent(fraction), 5), (Amounts.bytes(bytes), 7), (Amounts.rate(rate), 9),
            (Amounts.remaining(left), 8),
        ].map { TerminalText.fitted($0.0, to: $0.1, alignRight: true) }.joined(separator: " ")
        let room = size.columns - labelColumns - 2 - TerminalText.width(of: figures) - 1
        let columns = min(40, max(room - LiveView.tailColumns, min(room, 10)))
        if columns >= 8 {
            let filled = Int(fraction * Double(columns))
            line.add(String(repeating: style.unicode ? "█" : "#", count: filled), .green)
            line.add(String(repeating: style.unicode ? "░" : ".", count: columns - filled), .dim)
            line.add(" ")
        }
        line.add(figures)
    }

    private func words(_ progress: Progress) -> String {
        switch progress.phase {
        case .connecting: "connecting"
        case .scanning:
            progress.entriesDone == 0
                ? "scanning" : "scanning, " + Amounts.count(UInt64(progress.entriesDone), "entry", "entries")
        case .transferring: "comparing"
        case .recording: "recording"
        }
    }

    private func colour(of summary: EdgeSummary) -> Colour {
        switch summary.exit {
        case .inStep: .green
        case .conflicts, .problems, .interrupted, .terminated: .yellow
        default: summary.skippedBecauseOf == nil ? .red : .yellow
        }
    }
}

extension RunState.Edge {
    fileprivate var isRunning: Bool {
        if case .running = status { true } else { false }
    }

    fileprivate var isFinished: Bool {
        if case .finished = status { true } else { false }
    }

    fileprivate var fraction: Double {
        switch status {
        case .waiting: 0
        case .running(let progress): progress.fraction
        case .finished: 1
        }
    }

    fileprivate var bytes: UInt64 {
        switch status {
        case .waiting: 0
        case .running(let progress): progress.bytesDone
        case .finished(let summary): summary.counts.bytesPayload
        }
    }
}
