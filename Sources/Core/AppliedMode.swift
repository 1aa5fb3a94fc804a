/// Which mode bits travel with `preserve: [mode]`.
package enum AppliedMode {
    /// Permission bits, and the sticky bit of a directory. Setuid and setgid are never gained from a peer: the file would carry them
    /// under the owner of this end. 0 for a symlink.
    package static func of(_ kind: EntryKind, _ mode: UInt16) -> UInt16 {
        switch kind {
        case .directory: mode & 0o1777
        case .symlink: 0
        default: mode & 0o777
        }
    }

    package static func of(_ attributes: Attributes) -> UInt16 { of(attributes.kind, attributes.mode) }
}

extension Attributes {
    /// What a session compares and carries: permission bits without setuid and setgid, the sticky bit of directories only.
    package var synced: Attributes {
        var reduced = self
        reduced.mode = AppliedMode.of(self)
        return reduced
    }
}
