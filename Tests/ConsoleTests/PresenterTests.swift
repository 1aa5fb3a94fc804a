import Console
import Core
import Foundation
import Platform
import TestSupport
import Testing

@Suite struct PresenterTests {
    private let edge = identity("build", "eu")
    private let problem = HeadwaterError(
        "read.denied", "cannot be read", remedy: "chmod it", path: TreePath(trusted: [0x61]))

    private func run(_ options: Presenter.Options, _ output: RecordedOutput, _ events: [Event], _ end: [EdgeSummary]) {
        var presenter = Presenter(edges: [edge], options: options, output: output)
        presenter.begin()
        presenter.show(events, now: 1)
        presenter.end(end, seconds: 1)
    }

    @Test func plain_saysStartProblemsAndEndOnTheSide_andTheSummaryAsResult() {
        let output = RecordedOutput()
        let end = summary(edge, .problems) { $0.counts.problems = 1 }
        run(
            .test(), output,
            [.started(edge: edge), .problem(edge: edge, problem), .detail(edge: edge, "d"), .finished(end)], [end])
        #expect(
            output.progressLines == [
                "build -> eu: started", "build -> eu: problem[read.denied] a: cannot be read",
                "build -> eu: with problems after 0.0 s", "remedy[read.denied] chmod it",
            ])
        #expect(output.resultLines == ["build -> eu: nothing to do; 1 problem", "1 edge: 1 with problems; 1.0 s"])
    }

    @Test func quiet_saysOnlyErrors() {
        let output = RecordedOutput()
        let good = summary(edge)
        run(.test(.quiet), output, [.started(edge: edge), .warning(edge: nil, problem), .finished(good)], [good])
        #expect(output.progressLines.isEmpty)
        #expect(output.resultLines.isEmpty)
        let failed = summary(edge, .edgeFailed) { $0.error = problem }
        run(.test(.quiet), output, [.finished(failed)], [failed])
        #expect(output.progressLines.contains("error[read.denied] edge build -> eu · a"))
        #expect(output.resultLines.isEmpty)
    }

    @Test func verbose_saysDetails() {
        let output = RecordedOutput()
        run(.test(.verbose), output, [.detail(edge: edge, "x\u{1B}"), .detail(edge: nil, "y")], [])
        #expect(output.progressLines == [#"build -> eu: x\x1b"#, "y"])
    }

    @Test func json_isAllThatStandardOutputGets_versionFirstSummaryLast() throws {
        let output = RecordedOutput()
        let end = summary(edge)
        let progress = Event.progress(edge: edge, Progress(phase: .scanning))
        run(.test(json: true, live: true), output, [.started(edge: edge), progress, progress, .finished(end)], [end])
        let types = try output.resultLines.map {
            (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["type"] as? String
        }
        #expect(types == ["version", "started", "progress", "finished", "summary"])
        #expect(!output.progressText.read { $0 }.contains("\u{1B}"))
    }

    @Test func live_hidesTheCursorAndBringsItBack_andLeavesOnlyProblemsAndSummary() {
        let output = RecordedOutput(terminal: .init(columns: 80, rows: 24))
        let end = summary(edge, .problems) { $0.counts.problems = 12 }
        let problems = (0..<12).map { _ in Event.problem(edge: edge, problem) }
        run(.test(live: true), output, [.started(edge: edge)] + problems, [end])
        let text = output.progressText.read { $0 }
        #expect(text.hasPrefix(Repaint.hideCursor))
        #expect(text.contains(Repaint.showCursor))
        var screen = Screen()
        screen.feed(text)
        #expect(screen.text.count == 10 + 1 + 1 + 1)
        #expect(screen.text[9] == "build -> eu: problem[read.denied] a: cannot be read")
        #expect(screen.text[10] == "build -> eu: 2 more problems; --log-file keeps every one")
    }

    @Test func plainProblems_stopAtTen_andTheRestIsCounted() {
        let output = RecordedOutput()
        run(.test(), output, (0..<25).map { _ in .problem(edge: edge, problem) }, [summary(edge, .problems)])
        #expect(output.progressLines.count == 12)
        #expect(output.progressLines[10] == "build -> eu: 15 more problems; --log-file keeps every one")
    }

    @Test func remedyOfAProblem_isSaidOncePerKind() {
        let output = RecordedOutput()
        let other = HeadwaterError("path.blocked", "m", remedy: "remove it", path: TreePath(trusted: [0x62]))
        let events = [problem, problem, other].map { Event.problem(edge: edge, $0) }
        run(.test(), output, events, [summary(edge, .problems)])
        #expect(
            output.progressLines.filter { $0.contains("remedy") } == [
                "remedy[read.denied] chmod it", "remedy[path.blocked] remove it",
            ])
    }

    /// Whoever reads both streams in one place reads the message once.
    @Test func errorMessage_isSaidOnce() {
        let output = RecordedOutput()
        let failed = summary(edge, .edgeFailed) { $0.error = problem }
        run(.test(), output, [.started(edge: edge), .finished(failed)], [failed])
        let all = output.progressLines + output.resultLines
        #expect(all.count { $0.contains(problem.message) } == 1)
        #expect(output.resultLines.first == "build -> eu: failed [read.denied]")
        #expect(output.progressLines.contains("build -> eu: failed after 0.0 s"))
    }

    @Test func json_saysNoProgressOfAnEdgeThatHasFinished() {
        let output = RecordedOutput()
        let progress = Event.progress(edge: edge, Progress(phase: .scanning))
        run(.test(json: true), output, [.started(edge: edge), .finished(summary(edge)), progress], [summary(edge)])
        #expect(!output.resultLines.contains { $0.contains("\"progress\"") })
    }

    @Test func json_namesThePeerOfAnError() {
        var error = problem
        error.peer = "eu (deploy@eu.example.com)"
        let line = EventJSON.line(for: .problem(edge: edge, error))
        #expect(line?.contains(#""peer":"eu (deploy@eu.example.com)""#) == true)
        #expect(error.description.hasPrefix("error[read.denied] at eu (deploy@eu.example.com) · a\n"))
    }

    @Test func log_getsEveryLineWithItsTime_whateverIsSaid() throws {
        let directory = TemporaryDirectory("log")
        let log = try LogFile(path: directory("run.log"))
        let end = summary(edge, .edgeFailed) { $0.error = problem }
        let problems = (0..<12).map { _ in Event.problem(edge: edge, problem) }
        run(.test(.quiet, log: log), RecordedOutput(), [.started(edge: edge)] + problems + [.finished(end)], [end])
        let lines = try String(contentsOfFile: directory("run.log"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 + 12 + 1 + 1 + 3 + 1)
        #expect(lines.allSatisfy { $0.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z .+/) != nil })
    }

    @Test func reporter_bringsOutEverythingInOrder() throws {
        let output = RecordedOutput()
        let reporter = Reporter(edges: [edge], options: .test(), output: output)
        for number in 0..<200 {
            reporter.note(.warning(edge: nil, HeadwaterError("n.n", "\(number)", remedy: "r")))
            reporter.note(.progress(edge: edge, Progress(phase: .scanning, entriesDone: number)))
        }
        reporter.finish([summary(edge)], seconds: 1)
        let numbers = output.progressLines.filter { $0.hasPrefix("warning") }.map { Int($0.split(separator: " ")[1]) }
        #expect(numbers == Array(0..<200))
        #expect(output.resultLines.count == 2)
    }
}

@Suite struct LogFileTests {
    @Test func timestamp_isRFC3339() {
        #expect(
            LogFile.timestamp(Timestamp(seconds: 1_795_261_507, nanoseconds: 120_999_999)) == "2026-11-21T11:45:07.120Z"
        )
        #expect(LogFile.timestamp(.zero) == "1970-01-01T00:00:00.000Z")
    }

    @Test func symlink_isNotFollowed_andTheFileIsPrivate() throws {
        let directory = TemporaryDirectory("log")
        try FileManager.default.createSymbolicLink(atPath: directory("link"), withDestinationPath: directory("real"))
        let error = #expect(throws: HeadwaterError.self) { try LogFile(path: directory("link")) }
        #expect(error?.code == "log.open")
        #expect(error?.exit == .usage)
        #expect(!FileManager.default.fileExists(atPath: directory("real")))
        _ = try LogFile(path: directory("log"))
        let mode = try FileManager.default.attributesOfItem(atPath: directory("log"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func style_honoursNoColorAndDumbTerminals() {
        #expect(StandardOutput.canMoveCursor(["TERM": "xterm"]))
        #expect(!StandardOutput.canMoveCursor(["TERM": "dumb"]))
        #expect(!StandardOutput.canMoveCursor([:]))
        #expect(StandardOutput.style(of: 1, noColour: false, environment: ["LANG": "C.UTF-8"]).unicode)
        #expect(!StandardOutput.style(of: 1, noColour: false, environment: ["LANG": "C.UTF-8", "LC_ALL": "C"]).unicode)
    }
}
