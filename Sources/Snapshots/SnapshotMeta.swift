import Core

/// The name of one snapshot, shared by both ends: 128 random bits.
package struct SnapshotID: Hashable, Sendable, CustomStringConvertible {
    package var value: Digest

    package init(_ value: Digest) { self.value = value }

    /// Needs 16 bytes, of `Host.randomBytes` or of the wire; nil otherwise.
    package init?(bytes: [UInt8]) {
        guard let value = bytes.withUnsafeBytes({ Digest(bytes: $0) }) else { return nil }
        self.value = value
    }

    package var bytes: [UInt8] { value.bytes }

    /// 32 hexadecimal digits.
    package var description: String { value.hex }
}

/// What a session is about, as one end sees it: recorded when its snapshot is made, and never different later.
package struct SessionTerms: Hashable, Sendable {
    package var session: String
    package var mode: Mode
    /// Whether this end is the upstream (`from`) of the edge.
    package var isUpstream: Bool
    package var machineHere: String
    package var machineThere: String
    /// Canonical path and subpath of the tree at this end, and at the other.
    package var placeHere: String
    package var placeThere: String

    package init(
        session: String, mode: Mode, isUpstream: Bool, machineHere: String, machineThere: String, placeHere: String,
        placeThere: String
    ) {
        self.session = session
        self.mode = mode
        self.isUpstream = isUpstream
        self.machineHere = machineHere
        self.machineThere = machineThere
        self.placeHere = placeHere
        self.placeThere = placeThere
    }

    /// The same terms as the other end has to record them.
    package var mirrored: SessionTerms {
        SessionTerms(
            session: session, mode: mode, isUpstream: !isUpstream, machineHere: machineThere,
            machineThere: machineHere, placeHere: placeThere, placeThere: placeHere)
    }
}

/// Which directory the root of the tree was.
package struct RootIdentity: Hashable, Sendable {
    package var device: UInt64
    package var inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// The one row of `meta`.
package struct SnapshotMeta: Hashable, Sendable {
    package var terms: SessionTerms
    package var id: SnapshotID
    /// The snapshot that a reset put this one in the place of.
    package var replaces: SnapshotID?
    package var filterDigest: Digest
    package var root: RootIdentity
    /// Number of the last commit of this end.
    package var mine: Int64 = 0
    /// The highest number of the other end's commits that it acknowledged as durable and that is recorded here.
    package var theirs: Int64 = 0
    /// Set while a cycle that changed something is under way.
    package var running = false
    /// Sum modulo 2¹²⁸ of the digests of path and agreed half of all rows in state `agreed`: equal at both ends when they agree.
    package var sum = Digest(high: 0, low: 0)
    package var counts = RowCounts()

    package init(
        terms: SessionTerms, id: SnapshotID, replaces: SnapshotID? = nil, filterDigest: Digest, root: RootIdentity
    ) {
        self.terms = terms
        self.id = id
        self.replaces = replaces
        self.filterDigest = filterDigest
        self.root = root
    }

    /// Whether nothing was ever agreed on: a first cycle.
    package var isFresh: Bool { mine == 0 && theirs == 0 }
}
