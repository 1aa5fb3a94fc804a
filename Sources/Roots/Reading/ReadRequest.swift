import Content
import Core
import Platform

/// A file to be read, as a scan found it.
package struct ReadRequest: Hashable, Sendable {
    package var path: TreePath
    package var attributes: Attributes
    package var identity: LocalIdentity

    package init(path: TreePath, attributes: Attributes, identity: LocalIdentity) {
        self.path = path
        self.attributes = attributes
        self.identity = identity
    }
}

/// Why a file's content could not be read.
package enum ReadFault: Error, Hashable, Sendable {
    case system(SystemError)
    /// It is not (or does not stay) what was asked for: scan again.
    case changed
    /// It is not there yet: only a plan has foreseen it, without its content.
    case foreseen
}

/// The content of several small files in one block, compressed together.
package struct Pack: Sendable {
    /// The most content of one pack, and of each file in it.
    package static let bytesMax = Segment.bytes
    /// The most files in one pack.
    package static let membersMax = 4096

    package enum Member: Hashable, Sendable {
        /// The newest state of the file, which may be newer than the request; its content lies at `offset` of the uncompressed payload.
        case read(attributes: Attributes, identity: LocalIdentity, digest: Digest, offset: Int, size: Int)
        case failed(ReadFault)
    }

    /// In the order of the requests.
    package var members: [Member]
    package var payload: [UInt8]
    /// The bytes of the payload once decompressed.
    package var rawSize: Int
    package var isCompressed: Bool
}

/// One segment of a large file.
package struct SegmentContent: Sendable {
    /// Of the uncompressed bytes.
    package var digest: Digest
    package var payload: [UInt8]
    package var rawSize: Int
    package var isCompressed: Bool
    /// Nothing but a hole: there is no payload.
    package var isHole = false
    /// What the whole file takes on the disk, at most its size.
    package var storedBytes: UInt64
    /// What stands in the earlier version that it was compared with; offsets from the segment's beginning. The payload is the rest.
    package var copies: [CopiedRange] = []
}

package typealias SegmentResult = Result<SegmentContent, ReadFault>

/// What a content cache did so far.
package struct CacheCounters: Hashable, Sendable {
    package var filesOpenedCount = 0
    package var bytesRead = 0
    /// Bytes handed to the compressor, successful or not.
    package var bytesCompressed = 0
    /// Requests answered from what another one had caused to be read.
    package var hitsCount = 0
    /// The most bytes that were held or being read at one moment.
    package var heldBytesPeak = 0
}

extension ReadRequest {
    /// What names this very content in the cache: `tag` keeps kinds of blocks apart.
    func add(to stream: inout DigestStream) {
        path.key.withUnsafeBytes { stream.update($0) }
        let words = (
            path.key.count, identity.inode, attributes.size, identity.birth.seconds,
            identity.birth.nanoseconds, identity.mtime.nanoseconds, identity.mtime.seconds, identity.ctime.seconds,
            UInt64(identity.ctime.nanoseconds)
        )
        Swift.withUnsafeBytes(of: words) { stream.update($0) }
    }
}
