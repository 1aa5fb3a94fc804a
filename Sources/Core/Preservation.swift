/// What a session keeps in step beside content: the items of the edge's key `preserve`. The same at both ends.
package struct Preservation: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Permission bits; setuid and setgid as `specialBits` says.
    package static let mode = Preservation(rawValue: 1)
    /// Modification times.
    package static let times = Preservation(rawValue: 2)
    /// The user, by name.
    package static let owner = Preservation(rawValue: 4)
    /// The group, by name.
    package static let group = Preservation(rawValue: 8)
    /// Extended attributes: see `ExtendedAttributes.Scope`.
    package static let xattrs = Preservation(rawValue: 16)
    /// POSIX ACLs, users and groups in them by name.
    package static let acls = Preservation(rawValue: 32)

    /// Which files are names of one another. Never where both ends send.
    package static let hardlinks = Preservation(rawValue: 64)

    /// What an edge keeps that says nothing of it.
    package static let standard: Preservation = [.mode, .times]

    /// The words of the key, in the order in which they are listed.
    package static let words: [(word: String, item: Preservation)] = [
        ("mode", .mode), ("times", .times), ("owner", .owner), ("group", .group), ("xattrs", .xattrs),
        ("acls", .acls), ("hardlinks", .hardlinks),
    ]

    /// All items there are.
    package static let all: Preservation = words.reduce(into: []) { $0.insert($1.item) }

    /// Nil for a word that is none of them.
    package init?(word: String) {
        guard let found = Preservation.words.first(where: { $0.word == word }) else { return nil }
        self = found.item
    }

    /// The mode bits beyond permissions that may travel: setuid acts under the owner, setgid under the group, so that each goes only
    /// with whom it acts for.
    package var specialBits: UInt16 {
        guard isSuperset(of: [.mode, .owner]) else { return 0 }
        return contains(.group) ? 0o6000 : 0o4000
    }
}
