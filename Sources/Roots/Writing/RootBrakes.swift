import Core

/// Why a session stands still until an operator looks: nothing of the target was changed.
package enum HaltReason: Sendable, Hashable {
    /// The root is not there.
    case missing
    /// The root's mark (`mount:`) is not there, or the root lies on another file system than it did.
    case unmounted
    /// Another directory stands at the root's path.
    case replaced
    case otherFileSystem
    /// The root's path holds no directory any more.
    case retyped
    /// Two or more entries stood at the top, none does now.
    case emptied
    /// More would be deleted than `max_delete` permits; the figures are in `DeletionBrake.Verdict`.
    case maxDelete

    /// Stable; what the wire and the state directory hold.
    package var code: UInt8 {
        switch self {
        case .missing: 1
        case .unmounted: 2
        case .replaced: 3
        case .otherFileSystem: 4
        case .retyped: 5
        case .emptied: 6
        case .maxDelete: 7
        }
    }

    package init?(code: UInt8) {
        let all: [HaltReason] = [.missing, .unmounted, .replaced, .otherFileSystem, .retyped, .emptied, .maxDelete]
        guard let reason = all.first(where: { $0.code == code }) else { return nil }
        self = reason
    }

    /// One line, without the place.
    package var text: String {
        switch self {
        case .missing: "the root directory is missing"
        case .unmounted: "the root is not mounted"
        case .replaced: "another directory stands in the place of the root"
        case .otherFileSystem: "the root is on another file system than before"
        case .retyped: "the root is no directory any more"
        case .emptied: "the root had entries and is empty now"
        case .maxDelete: "more would be deleted than max_delete permits"
        }
    }
}

/// The halts that protect a whole tree (invariant 5). Pure.
package enum RootBrakes {
    /// The root as the session recorded it.
    package struct Recorded: Sendable {
        package var device: UInt64
        package var inode: UInt64
        /// Rows directly below the root.
        package var topLevelRows: Int

        package init(device: UInt64, inode: UInt64, topLevelRows: Int) {
            self.device = device
            self.inode = inode
            self.topLevelRows = topLevelRows
        }
    }

    /// The root as it stands.
    package struct Current: Sendable {
        package var kind: EntryKind
        package var device: UInt64
        package var inode: UInt64
        /// Entries directly below the root, without `.headwater` and the mark.
        package var topLevelEntries: Int
        /// Whether the peer's `mount:` mark stands; true where none is declared.
        package var hasMark: Bool

        package init(kind: EntryKind, device: UInt64, inode: UInt64, topLevelEntries: Int, hasMark: Bool) {
            self.kind = kind
            self.device = device
            self.inode = inode
            self.topLevelEntries = topLevelEntries
            self.hasMark = hasMark
        }
    }

    /// - Parameters:
    ///   - recorded: nil in a first cycle, which can meet only `missing`, `retyped` and `unmounted`.
    ///   - current: nil where nothing stands at the root's path.
    /// - Returns: the first reason to halt, the most telling first, or nil.
    ///
    /// Another device counts before another inode. An empty root on another device is a mount point that lost its file system.
    package static func halt(recorded: Recorded?, current: Current?) -> HaltReason? {
        guard let current else { return .missing }
        if current.kind != .directory { return .retyped }
        if !current.hasMark { return .unmounted }
        guard let recorded else { return nil }
        if current.device != recorded.device {
            return current.topLevelEntries == 0 && recorded.topLevelRows > 0 ? .unmounted : .otherFileSystem
        }
        if current.inode != recorded.inode { return .replaced }
        return recorded.topLevelRows >= 2 && current.topLevelEntries == 0 ? .emptied : nil
    }
}
