import Console
import Core
import Platform
import Testing

/// While somebody else has the terminal, nothing is written there; afterwards nothing of what was noted is missing.
@Suite struct QuietTests {
    private func detail(_ text: String) -> Event { .detail(edge: nil, text) }

    @Test(arguments: [true, false]) func nothingIsWrittenMeanwhile_andNothingIsLost(isLive: Bool) {
        let output = RecordedOutput(terminal: isLive ? .init(columns: 80, rows: 24) : nil)
        let edge = identity("a", "b")
        let reporter = Reporter(edges: [edge], options: .test(.verbose, live: isLive), output: output)
        reporter.note(.started(edge: edge))
        let (before, after) = reporter.whileQuiet {
            let before = output.progressText.read { $0 }
            for number in 0..<50 { reporter.note(detail("meanwhile \(number)")) }
            // More than one frame, if anybody painted.
            _ = output.progressText.wait(until: MonotonicClock.after(seconds: 0.3)) { $0 == before ? nil : () }
            return (before, output.progressText.read { $0 })
        }
        #expect(before == after)
        if isLive { #expect(before.hasSuffix(Repaint.showCursor)) }
        reporter.finish([summary(edge)], seconds: 1)
        let shown = output.progressText.read { $0 }
        for number in 0..<50 { #expect(shown.contains("meanwhile \(number)")) }
    }

    @Test func questionsAreAskedOneAfterTheOther() throws {
        let reporter = Reporter(edges: [], options: .test(), output: RecordedOutput())
        let inside = Monitor(0)
        let threads = (0..<8).map { _ in
            WorkerThread("asker") {
                reporter.whileQuiet {
                    let others = inside.update { count in
                        count += 1
                        return count
                    }
                    inside.update { $0 -= 1 }
                    return others
                }
            }
        }
        for thread in threads { #expect(try thread.join() == 1) }
        reporter.finish([], seconds: 0)
    }
}
