import Core
import Foundation
import Platform
import Roots
import TestSupport
import Testing

/// Invariant 2, seen from outside: the system calls of a batch in their order, and what a failing disk leads to.
@Suite(.enabled(if: access("/usr/bin/strace", X_OK) == 0)) struct WritingOrderTests {
    /// The names of the calls that the probe makes to create 20 files in one new directory.
    private func calls(_ way: String) throws -> [String] {
        let directory = TemporaryDirectory("order")
        let log = TemporaryDirectory("trace")
        let outcome = try run(
            "/usr/bin/strace", "-f", "-o", log("calls"), "-e",
            "trace=renameat2,syncfs,fdatasync,fsync,mkdirat,write",
            WritingFixture.probe, "create", directory.path, "20",
            "5000", way)
        try #require(outcome.exit == 0, "\(outcome.output)")
        let text = String(decoding: try readFile(log("calls"), bytesMax: 1 << 20), as: UTF8.self)
        // Two threads at once split a call into two lines: the end of it counts.
        return text.split(separator: "\n").filter { !$0.contains("unfinished") }.compactMap { line in
            let words = line.split(separator: " ")
            if let resumed = words.firstIndex(of: "<...") { return String(words[resumed + 1]) }
            return words.dropFirst().first.map { String($0.prefix { $0 != "(" }) }
        }
    }

    @Test func contentIsDurable_beforeItIsPublished_andNamesBeforeTheBatchReturns() throws {
        let whole = try calls("whole")
        let published = try #require(whole.firstIndex(of: "renameat2"))
        let first = try #require(whole.firstIndex(of: "syncfs"))
        let lastSync = try #require(whole.lastIndex(of: "syncfs"))
        let lastPublished = try #require(whole.lastIndex(of: "renameat2"))
        #expect(first < published && lastPublished < lastSync)
        #expect(whole[..<published].count { $0 == "renameat2" } == 0)

        let each = try calls("each")
        let start = try #require(each.firstIndex(of: "renameat2"))
        let end = try #require(each.lastIndex(of: "renameat2"))
        #expect(each[..<start].count { $0 == "fdatasync" } == 20)
        #expect(each[end...].count { $0 == "fsync" } == 2, "the new directory and the root")
    }

    @Test(arguments: [("whole", "syncfs"), ("each", "fdatasync")])
    func aDiskThatFailsToSync_getsNothingPublished(_ way: String, _ call: String) throws {
        let directory = TemporaryDirectory("failing")
        let outcome = try run(
            "/usr/bin/strace", "-f", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):error=EIO",
            WritingFixture.probe, "create", directory.path, "20", "5000", way)
        #expect(outcome.exit == 1)
        #expect(outcome.output.contains("error[apply.not-durable]"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [".headwater"])
        let stage = try FileManager.default.contentsOfDirectory(atPath: directory(".headwater/probe/stage"))
        #expect(stage == ["intent"], "what the disk did not take is never tried again")
    }
}
