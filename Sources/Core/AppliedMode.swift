/// Which mode bits travel with `preserve: [mode]`.
package enum AppliedMode {
    /// Permission bits, and the sticky bit of a directory. Setuid and setgid are gained from a peer only where their owner and group are, too:
    /// else the file would carry them under those of this end. 0 for a symlink.
    ///
    /// - Parameter special: of setuid and setgid those that count; a directory has no use for setuid.
    package static func of(_ kind: EntryKind, _ mode: UInt16, special: UInt16 = 0) -> UInt16 {
        switch kind {
        case .directory: mode & (0o1777 | special & 0o2000)
        case .symlink: 0
        default: mode & (0o777 | special & 0o6000)
        }
    }

    package static func of(_ attributes: Attributes, special: UInt16 = 0) -> UInt16 {
        of(attributes.kind, attributes.mode, special: special)
    }
}
