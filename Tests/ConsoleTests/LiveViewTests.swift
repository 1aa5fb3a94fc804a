import Console
import Core
import Testing

@Suite struct LiveViewTests {
    private let second: UInt64 = 1_000_000_000

    private func state(_ count: Int, name: (Int) -> String = { "peer\($0)" }) -> (RunState, [EdgeIdentity]) {
        let edges = (0..<count).map { identity("hub", name($0)) }
        return (RunState(edges), edges)
    }

    private func moving(_ edge: EdgeIdentity, _ done: UInt64, of total: UInt64 = 1000) -> Event {
        .progress(
            edge: edge,
            Progress(
                phase: .transferring, entriesDone: Int(done), entriesTotal: Int(total), bytesDone: done * 1000,
                bytesTotal: total * 1000))
    }

    private func view(_ state: RunState, columns: Int, rows: Int = 24, now: UInt64 = 2_000_000_000) -> [String] {
        LiveView(size: .init(columns: columns, rows: rows), style: .plain, now: now).lines(state)
    }

    @Test(arguments: [1, 8, 200], [1, 2, 10, 20, 39, 40, 80, 81, 200])
    func noLine_isAsWideAsTheTerminal_norAreThereAsManyAsRows(_ count: Int, _ columns: Int) {
        var (state, edges) = state(count) { "日本語の長い名前-\($0)-" + String(repeating: "x", count: 60) }
        for (index, edge) in edges.enumerated() {
            if index % 3 > 0 { state.apply(.started(edge: edge), now: 0) }
            if index % 3 > 1 { state.apply(moving(edge, 400), now: second) }
            if index % 7 == 6 { state.apply(.finished(summary(edge)), now: second) }
        }
        for rows in [2, 3, 10, 24, 500] {
            let lines = view(state, columns: columns, rows: rows)
            #expect(lines.count <= max(1, rows - 1))
            #expect(lines.allSatisfy { TerminalText.width(of: $0) < max(2, columns) })
            #expect(!lines.isEmpty)
        }
    }

    @Test func oneEdge_showsBarPercentRateAndTimeLeft() {
        var (state, edges) = state(1)
        state.apply(.started(edge: edges[0]), now: 0)
        state.apply(moving(edges[0], 250), now: second)
        state.apply(moving(edges[0], 500), now: 2 * second)
        #expect(
            view(state, columns: 80) == [
                "hub -> peer0  #####.....  50 %  500 kB  250 kB/s     0:02"
            ])
    }

    @Test func everyPhase_hasAWord() {
        var (state, edges) = state(4)
        state.apply(.started(edge: edges[1]), now: 0)
        state.apply(.progress(edge: edges[2], Progress(phase: .scanning, entriesDone: 1204)), now: 0)
        state.apply(.finished(summary(edges[3])), now: 0)
        let lines = view(state, columns: 100)
        #expect(lines[0] == "hub -> peer0  waiting")
        #expect(lines[1] == "hub -> peer1  connecting")
        #expect(lines[2] == "hub -> peer2  scanning, 1 204 entries")
        #expect(lines[3] == "hub -> peer3  in step, nothing to do")
        #expect(lines[4].hasPrefix("all           ##"))
        #expect(lines[4].hasSuffix("1 of 4 edges done"))
    }

    @Test func moreEdgesThanRows_showsThoseThatRun_andCountsTheOthers() {
        var (state, edges) = state(200)
        for edge in edges[100..<103] { state.apply(.started(edge: edge), now: 0) }
        for edge in edges[..<20] { state.apply(.finished(summary(edge)), now: 0) }
        let lines = view(state, columns: 80, rows: 10)
        #expect(lines.count == 5)
        #expect(lines[0].hasPrefix("hub -> peer100  connecting"))
        #expect(lines[3] == "  177 waiting, 20 finished")
    }

    @Test func progressAfterTheEnd_doesNotWakeAnEdgeUp() {
        var (state, edges) = state(1)
        state.apply(.finished(summary(edges[0])), now: 0)
        state.apply(moving(edges[0], 1), now: 1)
        #expect(view(state, columns: 80) == ["hub -> peer0  in step, nothing to do"])
    }

    @Test func rate_fallsWhenNothingMoves_andStartsAnewWhenCountsGoBack() {
        var meter = RateMeter()
        meter.add(bytes: 0, fraction: 0, at: 0)
        meter.add(bytes: 1000, fraction: 0.5, at: second)
        #expect(meter.bytesPerSecond(at: second) == 1000)
        #expect(meter.bytesPerSecond(at: 4 * second) == 250)
        #expect(meter.secondsLeft(at: second) == 1)
        meter.add(bytes: 10, fraction: 0, at: 5 * second)
        #expect(meter.bytesPerSecond(at: 6 * second) == 0)
        #expect(meter.secondsLeft(at: 6 * second) == nil)
    }
}

@Suite struct RepaintTests {
    @Test func screen_showsTheLastPicture_belowWhatWasPrinted() {
        var (repaint, screen) = (Repaint(), Screen())
        screen.feed(repaint.frame(["one", "two", "three"]))
        screen.feed(repaint.frame(["one", "2", "three"]))
        #expect(screen.text == ["one", "2", "three", ""])
        screen.feed(repaint.frame(["one"], above: ["a problem"]))
        #expect(screen.text == ["a problem", "one", ""])
        screen.feed(repaint.frame(["one", "more"], above: ["x", "y"]))
        #expect(screen.text == ["a problem", "x", "y", "one", "more", ""])
        screen.feed(repaint.frame(["less"]))
        #expect(screen.text == ["a problem", "x", "y", "less", ""])
        screen.feed(repaint.clear())
        #expect(screen.text == ["a problem", "x", "y", ""])
        #expect(repaint.clear() == "")
    }

    @Test func samePicture_writesNothing_andOneChangedLine_onlyThatLine() {
        var repaint = Repaint()
        _ = repaint.frame(["alpha", "beta"])
        #expect(repaint.frame(["alpha", "beta"]) == "")
        let frame = repaint.frame(["alpha", "gamma"])
        #expect(!frame.contains("alpha"))
        #expect(frame.contains("gamma"))
    }
}
