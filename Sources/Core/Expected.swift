/// What the plan saw at a path in the target's own scan; checked again right before the path is changed (invariant 4).
package enum Expected: Hashable, Sendable {
    case absent
    /// - Parameters:
    ///   - size: of a file or a symlink; ignored for a directory.
    ///   - mode: informative; a change of mode shows in the ctime of `identity`.
    case present(EntryKind, LocalIdentity, size: UInt64, mode: UInt16)

    /// Whether a directory was seen.
    package var isDirectory: Bool {
        if case .present(.directory, _, _, _) = self { return true }
        return false
    }
}
