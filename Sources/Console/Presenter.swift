import Core
import Platform

/// Decides what goes where; owned by the reporter's thread.
///
/// Results (the summary, JSON) to `Output.result`; live lines, plain lines and errors to `Output.progress`; every plain line to the log file.
package struct Presenter: Sendable {
    package struct Options: Sendable {
        package var verbosity: Verbosity
        package var json: Bool
        /// A picture that is redrawn, rather than lines.
        package var live: Bool
        package var resultStyle: Style
        package var progressStyle: Style
        package var log: LogFile?

        package init(
            verbosity: Verbosity, json: Bool, live: Bool, resultStyle: Style, progressStyle: Style, log: LogFile?
        ) {
            self.verbosity = verbosity
            self.json = json
            self.live = live && !json && verbosity >= .normal
            self.resultStyle = resultStyle
            self.progressStyle = progressStyle
            self.log = log
        }
    }

    /// Problems of one edge that are said one by one; the others are counted.
    private static let problemsShown = 10
    /// Kinds of problems whose remedies are said; there are fewer, unless a peer invents some.
    private static let kindsMax = 32
    /// Between two progress objects of one edge in `--json`.
    private static let progressNanoseconds: UInt64 = 1_000_000_000

    private let options: Options
    private let output: any Output
    private var state: RunState
    private var repaint = Repaint()
    private var problems: [String: (first: [HeadwaterError], count: UInt64)] = [:]
    private var remedies: [(code: String, remedy: String)] = []
    private var progressSaid: [String: UInt64] = [:]

    package init(edges: [EdgeIdentity], options: Options, output: any Output) {
        self.options = options
        self.output = output
        state = RunState(edges)
    }

    /// Whether the picture changes although nothing happens.
    var redrawsByItself: Bool { options.live }

    package mutating func begin() {
        if options.json { output.result(EventJSON.version + "\n") }
        if options.live { output.progress(Repaint.hideCursor) }
    }

    /// Leaves the terminal to somebody else: the picture is wiped until `show` paints the next one.
    package mutating func pause() { if options.live { output.progress(repaint.clear() + Repaint.showCursor) } }

    /// After `pause`.
    package mutating func resume() { if options.live { output.progress(Repaint.hideCursor) } }

    /// Brings `events` out, and the picture up to date.
    package mutating func show(_ events: [Event], now: UInt64) {
        var above: [String] = []
        var json = ""
        for event in events {
            state.apply(event, now: now)
            let isCounted = count(event)
            log(logLines(event))
            if options.json, let line = jsonLine(event, now) { json += line + "\n" }
            if !isCounted { above += lines(event).map { $0.rendered(colour: options.progressStyle.colour) } }
        }
        if !json.isEmpty { output.result(json) }
        paint(above, now)
    }

    /// The summary: problems, then error blocks, then a line per edge and one for the whole.
    package mutating func end(_ summaries: [EdgeSummary], seconds: Double) {
        if options.live { output.progress(repaint.clear() + Repaint.showCursor) }
        complain(summaries)
        let lines =
            summaries.map { SummaryText.line($0, isBrief: true) } + [SummaryText.total(summaries, seconds: seconds)]
        log(Array(lines.suffix(1)))
        if options.json {
            output.result(EventJSON.summary(summaries) + "\n")
        } else if options.verbosity >= .normal {
            output.result(lines.map { $0.rendered(colour: options.resultStyle.colour) + "\n" }.joined())
        }
    }

    /// Lines said at once. On a terminal the picture shows start and finish, and problems wait for the end, unless details are asked for.
    private func lines(_ event: Event) -> [StyledLine] {
        let isInPicture =
            switch event {
            case .warning, .detail: false
            default: options.live && options.verbosity < .verbose
            }
        return isInPicture ? [] : PlainLines.lines(for: event, options.verbosity)
    }

    /// The log has no summary: what an edge did stands where it ended.
    private func logLines(_ event: Event) -> [StyledLine] {
        if case .finished(let summary) = event { return [SummaryText.line(summary, isBrief: true)] }
        return PlainLines.lines(for: event, max(options.verbosity, .normal))
    }

    /// Whether the event is a problem beyond those that are said.
    private mutating func count(_ event: Event) -> Bool {
        guard case .problem(let edge, let error) = event else { return false }
        var known = problems[edge.session] ?? ([], 0)
        known.count += 1
        let isNewKind = remedies.count < Presenter.kindsMax && !remedies.contains { $0.code == error.code }
        if isNewKind { remedies.append((error.code, error.remedy)) }
        let isShown = known.first.count < Presenter.problemsShown
        if isShown { known.first.append(error) }
        problems[edge.session] = known
        return !isShown
    }

    private mutating func jsonLine(_ event: Event, _ now: UInt64) -> String? {
        if case .progress(let edge, _) = event {
            if state.hasFinished(edge) { return nil }
            if let last = progressSaid[edge.session], now - last < Presenter.progressNanoseconds { return nil }
            progressSaid[edge.session] = now
        }
        return EventJSON.line(for: event)
    }

    private mutating func paint(_ above: [String], _ now: UInt64) {
        guard options.live, let size = output.terminalSize else {
            if !above.isEmpty { output.progress(above.map { $0 + "\n" }.joined()) }
            return
        }
        let view = LiveView(size: size, style: options.progressStyle, now: now)
        let frame = repaint.frame(view.lines(state), above: above)
        if !frame.isEmpty { output.progress(frame) }
    }

    private func complain(_ summaries: [EdgeSummary]) {
        var lines: [StyledLine] = []
        for summary in summaries {
            guard let known = problems[summary.edge.session] else { continue }
            let wereSaid = !options.live || options.verbosity >= .verbose
            let listed = SummaryText.problems(known.first, count: known.count, of: summary.edge)
            lines += wereSaid ? Array(listed.dropFirst(known.first.count)) : listed
        }
        let advice = SummaryText.remedies(remedies) + summaries.flatMap(SummaryText.errorBlock)
        log(advice)
        lines += advice
        if lines.isEmpty { return }
        output.progress(lines.map { $0.rendered(colour: options.progressStyle.colour) + "\n" }.joined())
    }

    private func log(_ lines: [StyledLine]) {
        if lines.isEmpty { return }
        options.log?.append(lines.map { $0.rendered(colour: false) }, at: WallClock.now)
    }
}
