import Foundation
import TestSupport

/// Writes a file in place, making its directories.
func write(_ text: String, _ path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
}

func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
}

func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

/// A plain tree: `files` small files in a few directories, the same for the same arguments.
func makeTree(_ path: String, files: Int, bytes: Int = 300) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let tree = try TreeBuilder(path)
    for directory in 0..<4 { try tree.directory("d\(directory)") }
    for index in 0..<files {
        try tree.file(
            Array("d\(index % 4)/file\(index)".utf8), TreeBuilder.noise(bytes + index % 7, seed: UInt64(index)))
    }
    try tree.finish()
}

/// `.dump` of a database through a copy, so that looking leaves no trace beside the original.
func dump(_ database: String, in world: World) async throws -> String {
    let copy = world.directory("copy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for suffix in ["", "-wal"] where exists(database + suffix) {
        try FileManager.default.copyItem(atPath: database + suffix, toPath: copy + "/snap.db" + suffix)
    }
    let outcome = try await Headwater.tool(["sqlite3", copy + "/snap.db", ".dump"])
    guard outcome.exit == 0 else { throw RunReport.Malformed(description: "sqlite3: \(outcome.stderr)") }
    return outcome.stdout
}

/// Name, size and times of everything in a session's private directory, to see whether a run left a trace.
func traces(_ directory: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: directory).sorted().map { path in
        var status = stat()
        lstat(directory + "/" + path, &status)
        return "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }
}

func inode(_ path: String) throws -> UInt {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw TreeListing.Failed(description: "lstat \(path)") }
    return UInt(status.st_ino)
}
