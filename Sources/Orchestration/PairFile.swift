import Content
import Core
import Glibc
import Platform
import Topologies

/// Where `sync` keeps the topology of a session that has no file: `<state>/headwater/sync/<session>-<digest of the two places>.yaml`.
///
/// So its halts have a place of their own, and `status`, `graph` or `release` can be given the file.
package enum PairFile {
    /// Writes the file if it is not there as it should be, whole or not at all; returns its path.
    ///
    /// - Parameter stateDirectory: `UserDirectories.state()`.
    /// - Throws: `sync.state`.
    package static func keep(_ pair: PairTopology, stateDirectory: String) throws(HeadwaterError) -> String {
        let digest = SHA256.hash(Array("\(pair.directory)\0\(pair.remote)".utf8)).prefix(8)
        let directory = "\(stateDirectory)/headwater/sync"
        let path = "\(directory)/\(pair.session)-\(digest.hex).yaml"
        let text = Array(pair.text.utf8)
        do throws(SystemError) {
            if let there = try? read(path, text.count + 1), there == text { return path }
            try makeDirectories(directory)
            let aside = "\(path).\(getpid()).new"
            let file = try Descriptor(
                at: Descriptor.workingDirectory, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try writeFully(file.raw, text)
            try check("rename") { rename(aside, path) }
            return path
        } catch {
            throw HeadwaterError(
                "sync.state", "the topology of session \(pair.session) cannot be kept in \(directory)",
                remedy: "permit writing there, or set XDG_STATE_HOME to a directory of your own",
                cause: error.description)
        }
    }

    /// At most `countMax` bytes of a file.
    private static func read(_ path: String, _ countMax: Int) throws(SystemError) -> [UInt8] {
        let file = try Descriptor(at: Descriptor.workingDirectory, path, O_RDONLY | O_NOFOLLOW)
        var bytes = [UInt8](repeating: 0, count: countMax)
        let got = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SystemError) in try readFully(file.raw, into: buffer) }
        }
        return Array(bytes.prefix(try got.get()))
    }

    private static func makeDirectories(_ directory: String) throws(SystemError) {
        var made = ""
        for part in directory.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o700) != 0, errno != EEXIST { throw SystemError("mkdir") }
        }
    }
}
