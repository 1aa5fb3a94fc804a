import Core
import Foundation
import Glibc
import Platform
import Roots
import TestSupport
import Testing

@Suite struct WritingTreeTests {
    private let directory = TemporaryDirectory("tree")

    private func path(_ text: String) throws -> TreePath { try TreePath(slashed: text) }

    private func root() throws -> Descriptor {
        try Descriptor(at: Descriptor.workingDirectory, directory.path, Descriptor.pathOnly | O_DIRECTORY)
    }

    @Test func pathsInScanOrder_areReachedEachInItsOwnDirectory() throws {
        let root = try root()
        for name in ["a/b/c", "a/bc", "ab", "z"] {
            try FileManager.default.createDirectory(atPath: directory(name), withIntermediateDirectories: true)
        }
        let files = ["a/b/c/1", "a/b/2", "a/bc/3", "a/4", "ab/5", "6", "z/7", "a/b/c/8", "a/b/c/9"]
        for name in files { try Data(name.utf8).write(to: URL(fileURLWithPath: directory(name))) }
        let cursor = TreeCursor(root: root.raw)
        for name in files + files.reversed() {
            let fd = try cursor.openFile(path(name), O_RDONLY)
            defer { close(fd) }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = read(fd, &bytes, 64)
            #expect(String(decoding: bytes[..<count], as: UTF8.self) == name)
        }
    }

    @Test func symlinkOrFileInTheWay_isAnError_andNothingBehindItIsReached() throws {
        let root = try root()
        symlink("/etc", directory("link"))
        _ = FileManager.default.createFile(atPath: directory("file"), contents: nil)
        let cursor = TreeCursor(root: root.raw)
        for name in ["link/passwd", "file/x"] {
            let error = #expect(throws: SystemError.self) { try cursor.parent(of: path(name)) }
            #expect([ELOOP, ENOTDIR].contains(error?.errno))
        }
        let error = #expect(throws: SystemError.self) { try cursor.openFile(path("link"), O_RDONLY) }
        #expect(error?.errno == ELOOP)
    }

    @Test func aFailedDescent_doesNotSpoilTheNextOne() throws {
        let root = try root()
        try FileManager.default.createDirectory(atPath: directory("a/b"), withIntermediateDirectories: true)
        let cursor = TreeCursor(root: root.raw)
        #expect(throws: SystemError.self) { try cursor.parent(of: path("a/missing/x/y")) }
        try FileManager.default.createDirectory(atPath: directory("a/missing/x"), withIntermediateDirectories: true)
        let fd = try cursor.parent(of: path("a/missing/x/y"))
        #expect(try FileStatus(descriptor: fd).inode == inode("a/missing/x"))
        #expect(try FileStatus(descriptor: cursor.parent(of: path("a/b/y"))).inode == inode("a/b"))
    }

    @Test func aReplacedDirectory_isReachedAnewAfterInvalidate() throws {
        let root = try root()
        try FileManager.default.createDirectory(atPath: directory("a/b"), withIntermediateDirectories: true)
        let cursor = TreeCursor(root: root.raw)
        _ = try cursor.parent(of: path("a/b/c"))
        #expect(rename(directory("a/b"), directory("a/old")) == 0)
        try FileManager.default.createDirectory(atPath: directory("a/b"), withIntermediateDirectories: true)
        cursor.invalidate(below: try path("a/b"))
        #expect(try FileStatus(descriptor: cursor.parent(of: path("a/b/c"))).inode == inode("a/b"))
    }

    @Test func aThousandLevels_beyondPathMax_areReachedWithBoundedDescriptors() throws {
        let root = try root()
        let name = [UInt8](repeating: 0x64, count: 20)
        var deep = TreePath.root
        var fd = dup(root.raw)
        for _ in 0..<1000 {
            deep = deep.appending(name)
            _ = mkdirat(fd, "dddddddddddddddddddd", 0o755)
            let next = openat(fd, "dddddddddddddddddddd", O_RDONLY | O_DIRECTORY)
            close(fd)
            fd = next
        }
        close(fd)
        let cursor = TreeCursor(root: root.raw)
        let bottom = try FileStatus(descriptor: cursor.parent(of: deep.appending([0x78]))).inode
        #expect(try FileStatus(descriptor: cursor.parent(of: deep.appending([0x79]))).inode == bottom)
        #expect(try FileStatus(descriptor: cursor.parent(of: deep)).inode != bottom)
        #expect(try FileStatus(descriptor: cursor.parent(of: deep.appending([0x78]))).inode == bottom)
    }

    private func inode(_ name: String) throws -> UInt64 {
        try FileStatus(at: Descriptor.workingDirectory, directory(name)).inode
    }
}
