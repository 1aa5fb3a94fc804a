import Foundation
import TestSupport
import Testing

/// `preserve` in a file: what the key says holds from the next run on, without content being sent again.
@Suite("preserve", .slots, .timeLimit(.minutes(20)))
struct PreserveKeyTests {
    /// By root files get other owners; a plain user has only its own to keep.
    @Test func ownerAndGroup_comeInStepWhenTheKeySaysSo() async throws {
        let pair = try await PolicyWorld("drift: repair", files: 40)
        let isRoot = geteuid() == 0
        if isRoot { #expect(chown(pair.source + "/d0/file0", 1, 8) == 0 && chown(pair.source + "/d1", 12345, 0) == 0) }
        try await pair.run()
        try pair.change("preserve: [mode, times, owner, group]")

        let edge = try await pair.run()

        #expect(edge["bytes_payload"] == 0 && edge["problems"] == 0, "\(edge.moved)")
        func owner(_ path: String) -> [UInt32] {
            var status = stat()
            return lstat(path, &status) == 0 ? [status.st_uid, status.st_gid] : []
        }
        #expect(owner(pair.target + "/d0/file0") == (isRoot ? [1, 8] : owner(pair.source + "/d0/file0")))
        #expect(owner(pair.target + "/d1") == (isRoot ? [12345, 0] : owner(pair.source + "/d1")))
        try await pair.expectNothingFurther()
        try pair.change("preserve: []")
        #expect(chmod(pair.source + "/d2/file2", 0o700) == 0 && chmod(pair.target + "/d3/file3", 0o711) == 0)
        #expect(try await pair.run().movedNothing)
        try await pair.expectNothingFurther()
    }

    @Test func attributesAndLists_comeInStepWhenTheKeySaysSo_withoutContent() async throws {
        let pair = try await PolicyWorld("drift: repair", files: 40)
        let isRoot = geteuid() == 0
        #expect(Xattr.set(pair.source + "/d0/file0", "user.mime", "text/plain"))
        #expect(Xattr.set(pair.source + "/d1", Xattr.standard, Xattr.list(user: 1, 5)))
        #expect(Xattr.set(pair.source + "/d1/file1", Xattr.access, Xattr.list(user: 1, 6)))
        if isRoot { Xattr.set(pair.source + "/d2", "trusted.note", [0, 1, 255]) }
        try await pair.run()
        #expect(Xattr.all(pair.target + "/d0/file0").isEmpty)
        try pair.change("preserve: [mode, times, xattrs, acls]")

        let edge = try await pair.run()

        #expect(edge["bytes_payload"] == 0 && edge["problems"] == 0, "\(edge.moved)")
        #expect(Xattr.tree(pair.source) == Xattr.tree(pair.target))
        try await pair.expectNothingFurther()
        Xattr.set(pair.target + "/d0/file0", "user.mime", "drift")
        Xattr.remove(pair.source + "/d1", Xattr.standard)
        #expect(chmod(pair.source + "/d1/file1", 0o640) == 0)
        #expect(try await pair.run()["bytes_payload"] == 0)
        #expect(Xattr.tree(pair.source) == Xattr.tree(pair.target))
        #expect(Xattr.get(pair.target + "/d0/file0", "user.mime") == Array("text/plain".utf8))
        try await pair.expectNothingFurther()
    }

    @Test func namesOfOneFile_comeInStepWhenTheKeySaysSo_andContentIsSentOnce() async throws {
        let pair = try await PolicyWorld("drift: repair", files: 40)
        func inode(_ path: String) -> UInt64 {
            var status = stat()
            return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
        }
        #expect(link(pair.source + "/d0/file0", pair.source + "/d1/other") == 0)
        try await pair.run()
        #expect(inode(pair.target + "/d0/file0") != inode(pair.target + "/d1/other"))
        try pair.change("preserve: [mode, times, hardlinks]")

        let edge = try await pair.run()

        #expect(edge["bytes_payload"] == 0 && edge["problems"] == 0, "\(edge.moved)")
        #expect(inode(pair.target + "/d0/file0") == inode(pair.target + "/d1/other"))
        try await pair.expectNothingFurther()
        try Data(repeating: 7, count: 3_000_000).write(to: URL(fileURLWithPath: pair.source + "/new"))
        for name in ["/0", "/d2/more", "/zz"] { #expect(link(pair.source + "/new", pair.source + name) == 0) }
        let sent = try await pair.run()
        #expect(sent["bytes_payload"] == 3_000_000 && sent["problems"] == 0, "\(sent.moved)")
        for name in ["/0", "/d2/more", "/zz"] { #expect(inode(pair.target + name) == inode(pair.target + "/new")) }
        try await pair.expectNothingFurther()
    }
}
