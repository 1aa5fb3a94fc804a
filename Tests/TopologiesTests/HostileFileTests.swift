import Foundation
import TestSupport
import Testing
import Topologies

/// Files that no person would write, and some that a person in a hurry would.
@Suite struct HostileFileTests {
    static let valid = "headwater: 1\npeers: {a: /srv/a, b: h:/srv/b}\nedges: [a -> b]\n"

    @Test func byteOrderMark_isAllowed_andDoesNotShiftColumns() {
        #expect(Loaded(bytes: [0xEF, 0xBB, 0xBF] + Array(Self.valid.utf8)).topology != nil)
        let wrong = Loaded(bytes: [0xEF, 0xBB, 0xBF] + Array("headwatr: 1\n".utf8))
        #expect(wrong.places.contains("HW021 1:1"))
    }

    @Test func carriageReturns_atLineEnds_areAllowed() {
        let loaded = Loaded(Self.valid.split(separator: "\n").joined(separator: "\r\n") + "\r\n")
        #expect(loaded.topology != nil, "\(loaded.text)")
        #expect(Loaded("headwater: 1\r\npeers: {}\r\nedges: [a ->]\r\n").diagnostics.first?.text == "edges: [a ->]")
    }

    @Test(arguments: [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf16])
    func utf16_isRefused(_ encoding: String.Encoding) throws {
        let loaded = Loaded(bytes: Array(try #require(Self.valid.data(using: encoding))))
        #expect(loaded.places == ["HW003 1:1"])
        #expect(loaded.diagnostics.first?.remedy == "save the file as UTF-8")
    }

    @Test(arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0xAF]] as [[UInt8]])
    func invalidUTF8_isRefusedWhereItStands(_ bytes: [UInt8]) {
        let loaded = Loaded(bytes: Array("headwater: 1\nname: é".utf8) + bytes + Array("\n".utf8))
        #expect(loaded.places == ["HW003 2:8"])
    }

    @Test(arguments: [
        "\u{1}", "\u{1B}", "\u{7F}", "\u{85}", "\u{9B}", "\u{2028}", "\u{202E}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}",
        "\0", "\r",
    ])
    func controlCharacters_areRefused(_ character: String) {
        let loaded = Loaded("headwater: 1\nname: a\(character)b\npeers: {}\nedges: []\n")
        #expect(loaded.places == ["HW010 2:8"], "\(loaded.text)")
    }

    @Test(arguments: [
        #""\0""#, #""\e[31m""#, #""\x9b""#, #""\n""#, #""\t""#, #""\u202e""#, #""\L""#, "|\n  two\n  lines",
    ])
    func controlCharacters_byEscape_areRefused(_ value: String) {
        let loaded = Loaded("headwater: 1\nname: \(value)\npeers: {}\nedges: []\n")
        #expect(loaded.places == ["HW010 2:7"], "\(loaded.text)")
    }

    @Test func tabs_areRefused_butInComments() {
        #expect(Loaded("headwater: 1\n\tname: a\n").places == ["HW012 2:1"])
        #expect(Loaded("headwater:\t1\nname:\ta\n").places == ["HW012 1:11", "HW012 2:6"])
        #expect(Loaded("#\ta comment\n  # an\tother\n" + Self.valid).topology != nil)
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "~\n", "--- null\n...\n"])
    func emptyFiles_areRefused(_ text: String) { #expect(Loaded(text).ids == ["HW011"]) }

    @Test(arguments: ["- a\n- b\n", "just text\n", "22\n"])
    func rootThatIsNoMap_isRefused(_ text: String) { #expect(Loaded(text).places == ["HW020 1:1"]) }

    @Test func severalDocuments_areRefusedAtTheSecond() {
        #expect(Loaded("---\n" + Self.valid + "---\n" + Self.valid).places == ["HW005 5:1"])
        #expect(Loaded("---\n" + Self.valid + "...\n").topology != nil)
    }

    @Test func aliases_areRefused_eachWhereItStands() {
        let loaded = Loaded("headwater: 1\nname: &n x\npeers:\n  a: *n\n  b: *undefined\nedges: &e [*e]\n")
        #expect(loaded.places == ["HW006 2:7", "HW006 4:6", "HW006 5:6", "HW006 6:8", "HW006 6:12"], "\(loaded.text)")
    }

    @Test func aliasBomb_isRefused() {
        var text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for (name, last) in zip("bcdefghij", "abcdefghi") {
            text += "\(name): &\(name) [" + Array(repeating: "*\(last)", count: 9).joined(separator: ", ") + "]\n"
        }
        let loaded = Loaded(text)
        #expect(loaded.topology == nil)
        #expect(loaded.ids.filter { $0 == "HW006" }.count == 10 + 81)
    }

    @Test func tags_areRefused() {
        let text = "%TAG ! tag:x,2000:\n--- !map\nheadwater: !!int 1\nname: !<tag:yaml.org,2002:str> a\n"
        #expect(Loaded(text).places.filter { $0.hasPrefix("HW007") }.count == 4)
    }

    @Test func duplicateKeys_areRefusedAtEveryLevel() {
        let loaded = Loaded(
            "headwater: 1\nheadwater: 1\npeers:\n  a: {path: /a, path: /b}\n  \"a\": /c\n  b: h:/b\nedges:\n"
                + "  - {from: a, to: b, to: b}\n")
        #expect(loaded.places == ["HW008 2:1", "HW008 4:17", "HW008 5:3", "HW008 8:22"], "\(loaded.text)")
        #expect(loaded.message("HW008") == "the key `headwater` stands here a second time (first on line 1)")
    }

    @Test func mergeKeys_areRefused_quotedOnesAreJustUnknown() {
        #expect(Loaded("headwater: 1\n<<: {name: x}\npeers: {}\nedges: []\n").places == ["HW009 2:1"])
        #expect(Loaded("headwater: 1\n'<<': {name: x}\npeers: {}\nedges: []\n").places == ["HW021 2:1"])
    }

    @Test func keysThatAreNoText_areRefused() {
        #expect(
            Loaded("headwater: 1\n[a, b]: x\n{c: d}: y\npeers: {}\nedges: []\n").places == ["HW020 2:1", "HW020 3:1"])
    }

    @Test func depth_isBounded() {
        #expect(Loaded(String(repeating: "[", count: 1_000_000)).places == ["HW002 1:17"])
        #expect(Loaded(String(repeating: "{a: ", count: 200_000)).ids == ["HW002"])
        #expect(Loaded(String(repeating: "- ", count: 500_000)).ids == ["HW002"])
        #expect(Loaded(String(repeating: "? ", count: 500_000)).ids == ["HW002"])
        #expect(!Loaded(String(repeating: "[", count: 16) + String(repeating: "]", count: 16)).ids.contains("HW002"))
    }

    @Test func size_isBounded() {
        let most = Self.valid + "#" + String(repeating: "x", count: (1 << 20) - Self.valid.utf8.count - 1)
        #expect(Loaded(most).topology != nil)
        #expect(Loaded(most + "x").ids == ["HW002"])
    }

    @Test func numberOfValues_isBounded() {
        #expect(Loaded("[" + String(repeating: "x,", count: 510_000) + "]").ids == ["HW002"])
    }

    @Test func findings_areBounded_andSaySo() {
        let loaded = Loaded("headwater: 1\npeers: {}\nedges: [" + String(repeating: "7,", count: 20_500) + "]\n")
        #expect(loaded.diagnostics.count == 20_001 && loaded.places[0] == "HW002 1:1")
        #expect(loaded.diagnostics[0].message == "more than 20000 findings; the others are left out")
    }

    @Test(arguments: [
        "a: b: c\n", "a: [1, 2\n", "a: 'x\n", "a: \"\\q\"\n", "key: @x\n", "a: %x\n", "{", "]", "a\nb: c\n",
        "- a\nb: c\n",
        "%YAML 3.0\n--- a\n", "a: |9\n", "!<", "&", "*", "a: \"\\uD800\"\n", "? a\n? b\n- c\n",
    ])
    func brokenYAML_isOneErrorWithAPlace(_ text: String) {
        let loaded = Loaded(text)
        #expect(loaded.topology == nil)
        #expect(!loaded.diagnostics.isEmpty)
        #expect(
            loaded.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 && $0.length >= 1 && !$0.remedy.isEmpty })
    }

    @Test func randomBytesAndEdits_neverTrap() {
        var random = SplitMix64(7)
        let whole = Array(Self.valid.utf8)
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(Array("[]{}:,&*!|>'\"%@`#-? \n\t<".utf8).randomElement(using: &random)!, at: index)
                default: bytes.remove(at: index)
                }
            }
            let loaded = Loaded(bytes: bytes)
            #expect((loaded.topology == nil) == loaded.diagnostics.contains { $0.severity == .error })
            _ = loaded.text + DiagnosticJSON.render(loaded.diagnostics)
        }
    }

    @Test func filesThatCannotBeRead_areDiagnostics() throws {
        let directory = TemporaryDirectory("topologies")
        #expect(mkfifo(directory("pipe"), 0o600) == 0)
        for (path, id) in [
            (directory("missing.yaml"), "HW001"), (directory.path, "HW001"), (directory("pipe"), "HW001"),
            ("/dev/null", "HW001"), ("/dev/zero", "HW001"),
        ] {
            let (topology, diagnostics) = TopologyFile.load(path: path)
            #expect(topology == nil)
            #expect(diagnostics.map(\.rule.id) == [id])
            #expect(diagnostics.first?.file == path)
        }
    }

    @Test func fileTooLarge_isRefused_withoutReadingItAll() throws {
        let directory = TemporaryDirectory("topologies")
        let path = directory("large.yaml")
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        #expect(truncate(path, 100 << 30) == 0)
        #expect(TopologyFile.load(path: path).diagnostics.map(\.rule.id) == ["HW002"])
    }

    @Test func file_givesTheTopologyItsName() throws {
        let directory = TemporaryDirectory("topologies")
        try Self.valid.write(toFile: directory("site.prod.yaml"), atomically: false, encoding: .utf8)
        try Self.valid.write(toFile: directory("site.yaml"), atomically: false, encoding: .utf8)
        #expect(TopologyFile.load(path: directory("site.yaml")).topology?.name == "site")
        #expect(TopologyFile.load(path: directory("site.prod.yaml")).diagnostics.map(\.rule.id) == ["HW025"])
    }
}
