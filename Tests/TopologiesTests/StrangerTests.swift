import Testing
import Topologies

/// Mistakes of people who write their first file: each is one finding, or few, at the right place, with a remedy that helps.
@Suite struct StrangerTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        /// `HW020 3:3 start of the remedy`.
        var findings: [String]
    }

    static let peers = "headwater: 1\npeers:\n  a: /a\n  b: h:/b\n"

    static let mistakes = [
        Mistake(
            testDescription: "edges without dashes", text: peers + "edges:\n  a -> b\n",
            findings: ["HW020 6:3 write each edge as an item: `- a -> b`"]),
        Mistake(
            testDescription: "peers as a list", text: "headwater: 1\npeers:\n  - a: /a\n  - b: h:/b\nedges: [a -> b]\n",
            findings: ["HW020 3:3 write `name: /path`"]),
        Mistake(
            testDescription: "peers not indented", text: "headwater: 1\npeers:\na: /a\nb: h:/b\nedges: [a -> b]\n",
            findings: ["HW020 2:7 write `name: /path`", "HW021 3:1 indent it", "HW021 4:1 indent it"]),
        Mistake(
            testDescription: "a space after the host", text: "headwater: 1\npeers:\n  a: /a\n  b: h: /b\nedges: []\n",
            findings: ["HW004 4:7 write no space after this colon"]),
        Mistake(
            testDescription: "a pattern without quotes", text: peers + "edges: [{from: a, to: b, exclude: *.tmp}]\n",
            findings: ["HW004 5:36 put the value in quotes"]),
        Mistake(
            testDescription: "quotes that stay open",
            text: "headwater: 1\npeers: {a: /a, b: \"h:/b}\nedges: [a -> b]\n",
            findings: ["HW004 2:19 close the quotes that open here"]),
        Mistake(
            testDescription: "a URL", text: "headwater: 1\npeers: {a: /a, b: \"ssh://u@h:22/b\"}\nedges: [a -> b]\n",
            findings: ["HW028 2:19 write [user@]host:/path"]),
        Mistake(
            testDescription: "a port in short form",
            text: "headwater: 1\npeers: {a: /a, b: \"u@h:2222:/b\"}\nedges: [a -> b]\n",
            findings: ["HW026 2:19 write {host: h, port: …"]),
        Mistake(
            testDescription: "an address of IPv6 without brackets",
            text: "headwater: 1\npeers: {a: /srv/a, b: \"u@fe80::1:/b\", c: \"::1:~/c\"}\nedges: [a -> b, a -> c]\n",
            findings: ["HW028 2:23 write u@[fe80::1]:/b", "HW028 2:42 write [::1]:~/c"]),
        Mistake(
            testDescription: "a session whose name cannot be, beside another of the same peers",
            text: peers + "edges: [a -> b, {from: a, to: b, session: my session}]\n",
            findings: ["HW102 5:17 remove one of the two", "HW025 5:43 use 1 to 64"]),
        Mistake(
            testDescription: "a path of Windows",
            text: "headwater: 1\npeers: {a: 'C:\\data', b: \"h:/b\"}\nedges: [a -> b]\n",
            findings: ["HW026 2:12 write an absolute path, with `/`"]),
        Mistake(
            testDescription: "an edge as a pair", text: peers + "edges:\n  - a: b\n  - a -> b: push\n",
            findings: [
                "HW027 6:5 write `upstream -> downstream`", "HW027 7:5 write `a -> b` alone, or {from: a, to: b",
            ]),
        Mistake(
            testDescription: "other arrows",
            text: peers + "edges:\n  - a --> b\n  - a => b\n  - b <- a\n  - a -> b, b\n",
            findings: [
                "HW027 6:5 write `a -> b`", "HW027 7:5 write `a -> b`", "HW027 8:5 write the upstream peer first",
                "HW027 9:5 write `a -> b`",
            ]),
        Mistake(
            testDescription: "the same edge twice", text: peers + "edges: [a -> b, a -> b]\n",
            findings: ["HW102 5:17 remove one of the two"]),
        Mistake(
            testDescription: "several targets in one edge", text: peers + "edges: [{from: a, to: [b, b]}]\n",
            findings: ["HW020 5:23 write an edge of its own for each peer"]),
        Mistake(
            testDescription: "a host whose key is misspelled, beside the same path here",
            text: "headwater: 1\npeers: {a: /a, b: {hots: h, path: /a}}\nedges: [a -> b]\n",
            findings: ["HW021 2:20 did you mean `host`?"]),
        Mistake(
            testDescription: "a login without a path",
            text: "headwater: 1\npeers: {a: /a, b: me@h1}\nedges: [a -> b]\n",
            findings: ["HW026 2:19 write `me@h1:/path`"]),
        Mistake(
            testDescription: "one pattern where a list is due",
            text: peers + "edges: [{from: a, to: b, exclude: '*.o'}]\n", findings: ["HW020 5:35 write ['*.o']"]),
        Mistake(
            testDescription: "a backup inside what it backs up",
            text: "headwater: 1\npeers: {a: /srv, b: /srv/old}\nedges: [a -> b]\n",
            findings: ["HW101 3:9 give the two peers places that do not overlap"]),
        Mistake(
            testDescription: "another word for the version",
            text: "version: 1\npeers: {a: /a, b: h:/b}\nedges: [a -> b]\n",
            findings: ["HW021 1:1 use one of: defaults", "HW022 1:1 add `headwater: 1` as the first line"]),
    ]

    @Test(arguments: mistakes)
    func mistake_isFoundWhereItIs_withWhatToDo(_ mistake: Mistake) {
        let loaded = Loaded(mistake.text)
        #expect(loaded.topology == nil && loaded.diagnostics.count == mistake.findings.count, "\(loaded.text)")
        for (diagnostic, finding) in zip(loaded.diagnostics, mistake.findings) {
            let found = "\(diagnostic.rule.id) \(diagnostic.line):\(diagnostic.column) \(diagnostic.remedy)"
            #expect(found.hasPrefix(finding), "\(found)")
        }
    }

    @Test func colonsInLocalPaths_areNoURLs() {
        #expect(Loaded("headwater: 1\npeers: {a: \"/srv/x://y\", b: \"h:/b\"}\nedges: [a -> b]\n").topology != nil)
    }
}
