import Core

/// What a source records once the target has made a change of its durable. Pure.
package struct SourceRow {
    let path: TreePath
    let record: ChangeRecord.State
    /// The row of the path that is agreed.
    let agreed: AgreedEntry?
    /// The content that the target took, and what to know the file by; no identity where it must be read again next time.
    let delivered: (content: AgreedEntry, identity: LocalIdentity?)?
    /// What stands here of a symlink, of a file that was only touched, or of a conflict.
    let identity: LocalIdentity?

    /// How the target came by a file.
    let origin: RowOrigin

    package init(
        path: TreePath, record: ChangeRecord.State, agreed: AgreedEntry?,
        delivered: (content: AgreedEntry, identity: LocalIdentity?)?, identity: LocalIdentity?,
        origin: RowOrigin = .sent
    ) {
        self.origin = origin
        self.path = path
        self.record = record
        self.agreed = agreed
        self.delivered = delivered
        self.identity = identity
    }

    /// Nil where nothing can be recorded, since the content is not known.
    package func change(_ policy: SessionPolicy) -> RowChange? {
        switch record {
        case .absent:
            guard policy.delete == .never, let agreed else { return .forget(path) }
            return .put(path, agreed, local: nil, state: .withheld)
        case .conflict(let conflict): return .conflict(conflict, local: identity)
        case .touchedFile(let attributes):
            guard let digest = delivered?.content.digest ?? agreed?.digest else { return nil }
            return .put(path, AgreedEntry(attributes: attributes, digest: digest), local: identity, origin: origin)
        case .directory, .symlink:
            let entry = ChangeRecord(path: path, state: record).change(since: nil, nil).entry!
            return .put(path, entry, local: identity)
        case .file: return delivered.map { .put(path, $0.content, local: $0.identity, origin: origin) }
        }
    }

    /// The same where the target kept the directory for what is in it.
    package var residue: RowChange? {
        guard let agreed, agreed.isDirectory, case .absent = record else { return nil }
        return .put(path, agreed, local: nil, state: .residue)
    }
}
