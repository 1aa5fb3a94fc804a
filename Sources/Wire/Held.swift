import Core

/// `held`: paths that a source has though no change says so, for a target that deletes what its source lacks (`mirror`).
package struct HeldMessage: Hashable, Sendable {
    /// Whether the source has anything that is synced.
    package var hasEntries: Bool
    /// The source may have anything anywhere: its root could not be listed.
    package var isWhole: Bool
    /// It may have anything below these paths as well: it does not sync them, or cannot look into them.
    package var withBelow: Bool
    package var paths: [TreePath]

    package init(hasEntries: Bool, isWhole: Bool = false, withBelow: Bool, paths: [TreePath]) {
        (self.hasEntries, self.isWhole, self.withBelow, self.paths) = (hasEntries, isWhole, withBelow, paths)
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 16 + paths.count * 32)
        out.put(hasEntries)
        out.put(isWhole)
        out.put(withBelow)
        out.put(raw: AskMessage(paths: paths).encoded())
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        hasEntries = try input.flag()
        isWhole = try input.flag()
        withBelow = try input.flag()
        paths = try AskMessage(decoding: Array(payload.suffix(input.remaining))).paths
    }
}
