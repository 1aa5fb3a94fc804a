/// One path of a source's tree that differs from what was agreed, as it stands now. Its index is its place in the cycle's stream.
package struct ChangeRecord: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case absent
        case directory(mode: UInt16, mtime: Timestamp, metadata: Metadata? = nil)
        case symlink(target: [UInt8], mtime: Timestamp, metadata: Metadata? = nil)
        case file(Attributes)
        /// A file whose content is as agreed: only mode, time or metadata changed.
        case touchedFile(Attributes)
        /// Nothing is to be done but to flag the path, or to flag it anew. Of bidirectional sessions only; the path is the record's.
        case conflict(Conflict)
    }

    package var path: TreePath
    package var state: State

    package init(path: TreePath, state: State) {
        self.path = path
        self.state = state
    }

    /// The attributes that rows hold for this state; nil when absent.
    package var attributes: Attributes? {
        switch state {
        case .absent, .conflict: nil
        case .directory(let mode, let mtime, let metadata):
            Attributes(kind: .directory, mode: mode, size: 0, mtime: mtime, metadata: metadata)
        case .symlink(let target, let mtime, let metadata):
            Attributes(kind: .symlink, mode: 0, size: UInt64(target.count), mtime: mtime, metadata: metadata)
        case .file(let attributes), .touchedFile(let attributes): attributes
        }
    }
}
