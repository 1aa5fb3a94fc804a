import Core
import TestSupport
import Testing

@testable import Roots

/// Going past a directory without looking at what is in it.
@Suite struct ImageCursorTests {
    private let directory = TemporaryDirectory("cursor")

    private func image() throws -> TreeImage {
        let maker = try TreeMaker(directory.path)
        // Names right behind "d" in the order of bytes, and what only begins like it.
        for path in ["a", "d/e/f", "d/e/g", "d/x", "d\u{1}", "d\u{1}b/y", "d.txt", "dd/z", "e"] { try maker.file(path) }
        try maker.directory(TreePath(slashed: "empty"))
        return try scan(directory.path)
    }

    /// The paths that a cursor comes to that leaves out what is below `skipped`.
    private func paths(_ image: TreeImage, without skipped: Set<String>) -> [String] {
        var cursor = image.cursor()
        var found: [String] = []
        while cursor.next() {
            let path = String(decoding: cursor.key.map { $0 == 0 ? UInt8(ascii: "/") : $0 }, as: UTF8.self)
            found.append(path)
            if skipped.contains(path) { cursor.leaveOutBelow() }
        }
        return found
    }

    @Test func whatIsBelow_isLeftOut_andNothingElse() throws {
        let image = try image()
        let all = paths(image, without: [])
        #expect(all.count == image.count)
        for name in all {
            let expected = all.filter { !$0.hasPrefix(name + "/") }
            #expect(paths(image, without: [name]) == expected, "\(name)")
        }
        #expect(paths(image, without: Set(all)) == all.filter { !$0.contains("/") })
    }

    @Test func foldedImage_isTheSame() throws {
        let status = EntryStatus(
            attributes: Attributes(kind: .file, mode: 0o644, size: 1, mtime: .zero),
            identity: LocalIdentity(device: 1, inode: 2, birth: .zero, mtime: .zero, ctime: .zero))
        let folded = try #require(
            image().folding([Published(path: try TreePath(slashed: "d/e/h"), status: status)]))
        let all = paths(folded, without: [])
        #expect(all.contains("d/e/h"))
        #expect(paths(folded, without: ["d"]) == all.filter { !$0.hasPrefix("d/") })
    }
}
