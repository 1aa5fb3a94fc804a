import Core
import Testing

@testable import Wire

private func path(_ text: String) -> TreePath { try! TreePath(slashed: text) }

private func attributes(_ mode: UInt16) -> Attributes {
    Attributes(kind: .directory, mode: mode, size: 0, mtime: Timestamp(seconds: -7, nanoseconds: 5))
}

@Suite struct RenamesMessageTests {
    static let steps: [RenameStep] = [
        .directory(path("a/b"), attributes(0o1755)),
        .move(from: path("a/b-old/x"), to: path("a/b/x")), .exchange(path("p"), path("q")),
        .copy(from: path("a"), to: path("a-copy")), .move(from: path("z"), to: TreePath(trusted: [0xFF, 0, 0x0A])),
    ]

    @Test func steps_comeBackAsSent_inTheirOrder() throws {
        for isLast in [true, false] {
            let message = RenamesMessage(isLast: isLast, firstIndex: 77, steps: Self.steps)
            #expect(try RenamesMessage(decoding: message.encoded()) == message)
            #expect(message.encoded().count <= Self.steps.reduce(32) { $0 + $1.bytesEstimate })
        }
    }

    @Test func everyCut_andEveryByteTooMany_isAFault() {
        let bytes = RenamesMessage(isLast: false, firstIndex: 1, steps: Self.steps).encoded()
        for length in 0..<bytes.count {
            #expect(throws: WireFault.self) { try RenamesMessage(decoding: Array(bytes.prefix(length))) }
        }
        #expect(throws: WireFault.self) { try RenamesMessage(decoding: bytes + [0]) }
    }

    @Test func whatNoSourceSays_isAFault() {
        let wrong: [RenameStep] = [
            .move(from: path("a"), to: path("a/b")), .move(from: path("a/b"), to: path("a")),
            .exchange(path("a"), path("a")), .move(from: .root, to: path("a")), .move(from: path("a"), to: .root),
            .directory(.root, attributes(0)), .directory(path("a"), attributes(0o170755)),
            .move(from: path("a"), to: path("d").appending(TreePath.reservedName)),
        ]
        for step in wrong {
            let bytes = RenamesMessage(isLast: false, firstIndex: 0, steps: [step]).encoded()
            #expect(throws: WireFault.self, "\(step)") { try RenamesMessage(decoding: bytes) }
        }
        // One step of an unknown kind, and more than there may be.
        #expect(throws: WireFault.self) { try RenamesMessage(decoding: [0, 0, 1, 9, 0, 1, 0x61, 0, 1, 0x62]) }
        #expect(throws: WireFault.self) { try RenamesMessage(decoding: [0, 0, 0x81, 0x20]) }
    }

    /// Paths can be written far shorter than they are.
    @Test func pathsThatComeOutTooLong_areAFault() {
        let long = String(repeating: "x/", count: 120) + "y"
        let steps = (0..<3000).map { RenameStep.move(from: path("a\($0)/\(long)"), to: path("b\($0)/\(long)")) }
        let bytes = RenamesMessage(isLast: false, firstIndex: 0, steps: steps).encoded()
        #expect(throws: WireFault.self) { try RenamesMessage(decoding: bytes) }
    }
}
