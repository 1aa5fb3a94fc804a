import Core
import class Foundation.FileManager
import struct Foundation.URL
import Glibc
import Platform
import Roots
import TestSupport

/// A root of its own with a stage, and short words for what tests do to it.
final class WritingFixture {
    let directory: TemporaryDirectory?
    let path: String
    let root: Descriptor
    let stage: Stage

    convenience init() throws {
        let directory = TemporaryDirectory("writing")
        try self.init(directory.path, owner: directory)
    }

    init(_ path: String, owner: TemporaryDirectory? = nil, session: String = "test") throws {
        directory = owner
        self.path = path
        root = try Descriptor(at: Descriptor.workingDirectory, path, Descriptor.pathOnly | O_DIRECTORY)
        stage = try Stage(root: root.raw, session: session)
    }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    static var probe: String { builtBeside("apply-probe") }

    static let time = Timestamp(seconds: 1_234_567_890, nanoseconds: 123_456_789)

    func attributes(_ kind: EntryKind, mode: UInt16 = 0o644, size: Int = 0, mtime: Timestamp = time) -> Attributes {
        Attributes(kind: kind, mode: mode, size: UInt64(size), mtime: mtime)
    }

    func staged(_ content: String, mode: UInt16 = 0o644) throws -> StagedFile {
        let writer = try stage.file(attributes(.file, mode: mode, size: content.utf8.count))
        try Array(content.utf8).withUnsafeBytes { try writer.write($0) }
        return try writer.finish()
    }

    func put(_ name: String, _ content: String, mode: UInt16 = 0o644) throws -> Operation {
        .putFile(try TreePath(slashed: name), try staged(content, mode: mode), expected: expected(name))
    }

    func link(_ name: String, _ target: String) throws -> Operation {
        .putSymlink(
            try TreePath(slashed: name), target: Array(target.utf8), attributes(.symlink, size: target.utf8.count),
            expected: expected(name))
    }

    func make(_ name: String, mode: UInt16 = 0o755) throws -> Operation {
        .makeDirectory(
            try TreePath(slashed: name), attributes(.directory, mode: mode), expected: expected(name))
    }

    func remove(_ name: String) throws -> Operation {
        .remove(try TreePath(slashed: name), expected: expected(name))
    }

    /// What a scan sees at `name` now.
    func expected(_ name: String) -> Expected { status(name).map { Expected($0) } ?? .absent }

    func status(_ name: String) -> FileStatus? { try? FileStatus(at: Descriptor.workingDirectory, self(name)) }

    func write(_ name: String, _ content: String) {
        let fd = open(self(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        precondition(fd >= 0, "\(name): \(String(cString: strerror(errno)))")
        precondition((try? writeFully(fd, Array(content.utf8))) != nil)
        close(fd)
    }

    func read(_ name: String) -> String? {
        (try? readFile(self(name), bytesMax: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }

    func mkdir(_ name: String, _ mode: mode_t = 0o755) { precondition(Glibc.mkdir(self(name), mode) == 0) }

    /// The names in the stage, but for the intent.
    func leftovers(session: String = "test") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self(".headwater/\(session)/stage")).filter {
            $0 != "intent"
        }
    }
}

extension Outcome {
    var isDone: Bool {
        if case .done = self { return true }
        return false
    }

    var errorNumber: Int32? {
        if case .failed(let error) = self { return error.errno }
        return nil
    }
}

/// Runs a program to its end and returns its exit status and output.
func run(_ arguments: String...) throws -> (exit: Int32, output: String) {
    let outcome = try ChildProcess.run(arguments)
    return (outcome.exit, String(decoding: outcome.output + outcome.errors, as: UTF8.self))
}
