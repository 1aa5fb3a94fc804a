import Core
import Platform

/// Large files that the source of a session hands to its target as open files, where both are in one process: their content takes no way
/// through the stream, and shares its blocks where the file system can.
package final class LentFiles: Sendable {
    private struct State: Sendable {
        var files: [Int: File] = [:]
        var digests: [Int: Digest] = [:]
    }

    struct File: Sendable {
        let descriptor: Descriptor
        /// The file must still be this when its content has been taken.
        let identity: LocalIdentity

        /// Whether nobody has written to it since it was lent.
        var isUnchanged: Bool { (try? FileStatus(descriptor: descriptor.raw))?.identity == identity }
    }

    private let state = Monitor(State())

    package init() {}

    func lend(_ file: File, as index: Int) { state.update { $0.files[index] = file } }

    func take(_ index: Int) -> File? { state.read { $0.files.removeValue(forKey: index) } }

    /// What the target found the content to be; the source asks when the change is committed.
    func settle(_ index: Int, _ digest: Digest) { state.update { $0.digests[index] = digest } }

    func takeDigest(_ index: Int) -> Digest? { state.read { $0.digests.removeValue(forKey: index) } }
}
