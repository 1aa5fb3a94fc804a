import Console
import Testing

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("한", 2), ("🚀x", 3), ("→", 1), ("█", 1),
    ])
    func width_countsColumns(_ text: String, _ columns: Int) {
        #expect(TerminalText.width(of: text) == columns)
    }

    @Test(arguments: [
        ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abc", 1, "…"), ("abc", 0, ""), ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("日本語", 2, "…"), ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
    ])
    func cut_keepsWideAndCombinedCharactersWhole(_ text: String, _ columns: Int, _ expected: String) {
        let cut = TerminalText.cut(text, to: columns)
        #expect(cut == expected)
        #expect(TerminalText.width(of: cut) <= columns)
    }

    @Test func fitted_isExactlyAsWide() {
        for text in ["", "a", "日本語の名前", "abcdefghijkl"] {
            for columns in 1...12 { #expect(TerminalText.width(of: TerminalText.fitted(text, to: columns)) == columns) }
        }
        #expect(TerminalText.fitted("7", to: 3, alignRight: true) == "  7")
    }

    @Test func controlCharacters_neverReachTheTerminal() {
        var line = StyledLine("a\u{1B}]0;title\u{7}b\u{9B}31mc\u{202E}d\r\n\u{0}e")
        line.add("\u{7F}\u{85}", .red)
        let out = line.rendered(colour: false)
        #expect(
            !out.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0 == "\u{202E}" })
        #expect(out.hasPrefix("a\u{FFFD}]0;title"))
    }

    @Test func colouredLine_isCutByItsTextAlone() {
        var line = StyledLine("abc", .red)
        line.add("defghi", .green)
        #expect(line.rendered(columns: 5, colour: true) == "\u{1B}[31mabc\u{1B}[0m\u{1B}[32md…\u{1B}[0m")
        #expect(line.rendered(columns: 3, colour: false) == "abc")
    }
}

@Suite struct AmountsTests {
    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_950, "10 kB"), (118_000_000, "118 MB"),
            (999_499, "999 kB"), (999_500, "1.0 MB"), (4_200_000_000, "4.2 GB"), (UInt64.max, "18 EB"),
        ] as [(UInt64, String)])
    func bytes_haveTwoOrThreeDigits(_ number: UInt64, _ text: String) { #expect(Amounts.bytes(number) == text) }

    @Test(
        arguments: [(0, "0"), (12, "12"), (999, "999"), (1204, "1 204"), (1_234_567, "1 234 567")] as [(UInt64, String)]
    )
    func counts_areGrouped(_ number: UInt64, _ text: String) { #expect(Amounts.count(number) == text) }

    @Test(arguments: [
        (2.34, "2.3 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (65, "1 min 05 s"), (7620, "2 h 07 min"),
        (.infinity, "0.0 s"), (-1, "0.0 s"),
    ])
    func seconds_areWords(_ seconds: Double, _ text: String) { #expect(Amounts.seconds(seconds) == text) }

    @Test(
        arguments: [
            (nil, "-"), (.nan, "-"), (0, "0:00"), (11.2, "0:12"), (754, "12:34"), (3723, "1:02:03"), (1e9, "-"),
        ] as [(Double?, String)])
    func remaining_isAClock(_ seconds: Double?, _ text: String) { #expect(Amounts.remaining(seconds) == text) }

    @Test func percent_reachesHundredOnlyAtTheEnd() {
        #expect(Amounts.percent(0.999) == "99 %")
        #expect(Amounts.percent(1) == "100 %")
        #expect(Amounts.percent(-3) == "0 %")
    }
}
