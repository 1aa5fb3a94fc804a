import Core
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Roots

/// What was published is folded into the image: as if the tree had been scanned again.
@Suite("Folding")
struct ImageFoldingTests {
    let directory = TemporaryDirectory("fold")

    @Test(arguments: 0..<40)
    func foldedImage_isWhatAScanFinds(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let make = try TreeMaker(directory.path)
        for _ in 0..<120 { try grow(make, &random) }
        try? make.fifo("a/pipe")
        let before = try scan(directory.path)
        var touched: Set<String> = []
        for _ in 0..<60 {
            let path = randomPath(&random)
            touched.insert(path)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try remove(path)
            case 1:
                try remove(path)
                _ = try? make.directory(TreePath(slashed: path))
            default:
                if kind(path) == .directory { try remove(path) }
                try? make.file(path, Array("\(seed) \(path)".utf8))
            }
        }
        if random.next() % 2 == 0 {
            unlink(directory("a/pipe"))
            touched.insert("a/pipe")
        }
        let after = try scan(directory.path)
        let folded = try #require(before.folding(try published(touched, before)))
        #expect(description(folded) == description(after), "seed \(seed)")
        #expect(folded.untrackedCount == after.untrackedCount && folded.topLevelCount == after.topLevelCount)
        for index in 0..<after.count {
            #expect(folded.index(of: TreePath(trusted: after.key(at: index))) == index)
        }
    }

    @Test func entryWithoutItsDirectory_cannotBeFolded() throws {
        try TreeMaker(directory.path).file("a/b")
        let image = try scan(directory.path)
        let status = image.status(at: 1)
        #expect(image.folding([Published(path: try TreePath(slashed: "no/such"), status: status)]) == nil)
        #expect(image.folding([Published(path: try TreePath(slashed: "a/b/c"), status: status)])?.count != 2)
    }

    @Test func publishedEntries_areServedWithoutAScan_unknownWritesAreNot() throws {
        let make = try TreeMaker(directory.path)
        try make.file("one")
        let root = try Root.open(path: directory.path)
        #expect(try root.view(since: 0).count == 1)
        try make.file("two")
        try make.file("unseen")
        root.note(published: try published(["two"]))
        let folded = try root.view(since: 0)
        let two = try TreePath(slashed: "two")
        #expect(folded.count == 2 && folded.index(of: two) != nil)
        #expect(try root.view(since: 0) === folded && root.scansCount == 1)
        // A later moment asks for what others may have done meanwhile.
        #expect(try root.view(since: 1).count == 3)
        root.noteWrites()
        _ = try root.view(since: 1)
        #expect(root.scansCount == 3)
    }

    @Test func moreThanCanBeRemembered_isScanned() throws {
        try TreeMaker(directory.path).file("one")
        let root = try Root.open(path: directory.path)
        _ = try root.view(since: 0)
        let one = try published(["one"])
        for _ in 0..<3 { root.note(published: Array(repeating: one[0], count: 90_000)) }
        #expect(try root.view(since: 0).count == 1)
        #expect(root.scansCount == 2)
    }

    // MARK: Helpers

    private func grow(_ make: TreeMaker, _ random: inout SeededRandom) throws {
        let path = randomPath(&random)
        if Bool.random(using: &random) {
            _ = try? make.directory(TreePath(slashed: path))
        } else {
            try? make.file(path, [1])
        }
    }

    private func randomPath(_ random: inout SeededRandom) -> String {
        let names = ["a", "a-b", "b", "c!", "d"]
        return (0...Int.random(in: 0..<4, using: &random)).map { _ in names.randomElement(using: &random)! }
            .joined(separator: "/")
    }

    private func remove(_ path: String) throws {
        if kind(path) != nil { try FileManager.default.removeItem(atPath: directory(path)) }
    }

    private func kind(_ path: String) -> EntryKind? {
        (try? FileStatus(at: Descriptor.workingDirectory, directory(path)))?.kind
    }

    /// All that the touched paths are and hold now, and what they held before, as an applier would say it one by one.
    private func published(_ paths: Set<String>, _ before: TreeImage? = nil) throws -> [Published] {
        var all: Set<String> = []
        for index in 0..<(before?.count ?? 0) {
            let key = before!.key(at: index).map { $0 == 0 ? UInt8(ascii: "/") : $0 }
            let path = String(decoding: key, as: UTF8.self)
            if paths.contains(where: { path.hasPrefix($0 + "/") }) { all.insert(path) }
        }
        for path in paths {
            let parts = path.split(separator: "/").map(String.init)
            for count in 1...parts.count { all.insert(parts.prefix(count).joined(separator: "/")) }
            let below = (try? FileManager.default.subpathsOfDirectory(atPath: directory(path))) ?? []
            for name in below where kind(path) == .directory { all.insert("\(path)/\(name)") }
        }
        return try all.sorted().compactMap { path in
            let status = try? FileStatus(at: Descriptor.workingDirectory, directory(path))
            if status?.kind == .untracked { return nil }
            return Published(
                path: try TreePath(slashed: path),
                status: status.map { EntryStatus(attributes: $0.attributes, identity: $0.identity) })
        }
    }

    /// Directories by kind and mode alone: what happens below changes their times.
    private func description(_ image: TreeImage) -> [String] {
        (0..<image.count).map { index in
            let status = image.status(at: index)
            let name = String(decoding: image.key(at: index).map { $0 == 0 ? UInt8(ascii: "/") : $0 }, as: UTF8.self)
            if status.attributes.kind == .directory { return "\(name) directory \(status.attributes.mode)" }
            return "\(name) \(status.attributes) \(status.identity)"
        }
    }
}
