import Testing

@testable import Core

@Suite struct PrintableTests {
    /// What was shown can be typed, whatever bytes it was.
    @Test func whatIsShown_leadsBackToItsBytes() {
        let names: [[UInt8]] = [
            Array("plain/ä 日本".utf8), [0xFF, 0xFE, 0x41], Array("back\\slash \\x41".utf8), Array("a\nb\u{7F}".utf8),
            Array("\u{202E}reversed\u{FEFF}".utf8), [], [0xC3], Array(0...255),
        ]
        for name in names {
            #expect(Printable.bytes(Printable.text(name)) == name, "\(Printable.text(name))")
        }
    }

    @Test(arguments: ["\\", "\\q", "\\x4", "\\xzz", "\\u41", "\\u{}", "\\u{110000}", "\\u{41", "\\u{0000041}"])
    func otherEscapes_areNone(text: String) { #expect(Printable.bytes(text) == nil) }
}
