/// The words and units that values of the format are made of: what the readers accept and the schema lists.
enum Words {
    /// Keys of an edge whose value is one of some words.
    static let ofEdgeKeys: [String: [String]] = [
        "mode": ["push", "pull", "bidi"], "route": ["relay", "direct"],
        "delete": ["before", "during", "after", "never"], "overwrite": ["always", "older", "conflict"],
        "drift": ["repair", "keep", "halt"], "symlinks": ["copy", "skip", "follow"],
        "digest": ["xxh128", "sha256"], "compression": ["auto", "none", "zstd"],
        "durability": ["batch", "strict", "none"],
    ]
    /// Items of `preserve`.
    static let preserved = ["mode", "times", "owner", "group", "xattrs", "acls", "hardlinks"]
    static let rateUnits = ["B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"].map { $0 + "/s" }
    static let durationUnits = ["ms", "s", "m", "h", "d"]
    static let portRange = 1...65535
    static let connectionsRange = 1...64
    /// Of `starts` and `connections` in `limits`.
    static let limitRange = 1...10_000
    static let limitKeys = ["bandwidth", "starts", "connections"]
}
