import Core
import Reconciliation
import Roots
import Snapshots
import Wire

/// What a source records of what the target has made durable.
extension Source {
    func recorded(_ change: Announced, _ index: Int) throws(HeadwaterError) -> RowChange {
        if let row = try row(of: change, index).change(end.policy) { return row }
        // In a plan, what the other direction has brought need not have been read.
        if end.isPlan, case .touchedFile(let attributes) = change.record {
            return .put(
                change.path, AgreedEntry(attributes: attributes, digest: nil), local: change.request?.identity)
        }
        throw .protocolBroken(WireFault("commit of file \(index), whose content was not sent"))
    }

    func row(of change: Announced, _ index: Int, isResidue: Bool = false) throws(HeadwaterError) -> SourceRow {
        var sent = change.sent
        var identity = change.request?.identity
        var needsRow = false
        switch change.record {
        case .absent: needsRow = isResidue || end.policy.delete == .never
        case .conflict: identity = bidi?.identity(of: change.path)
        case .touchedFile: (identity, needsRow) = (identity.flatMap { content.kept($0) }, true)
        case .file: sent = sent ?? content.lentContent(index, change)
        case .directory, .symlink: if end.preserved.readsExtended { identity = identity.flatMap { content.kept($0) } }
        }
        // What was read of it beside content was that of the announced state.
        if end.preserved.readsExtended, let known = change.request?.identity, sent?.identity != known {
            sent?.identity = nil
        }
        var origin: RowOrigin = sent?.isThere ?? true ? .existed : .sent
        // What was compared and not wanted has become another name of a file, too.
        if !change.isWanted, change.record.linkedAttributes != nil { origin = .copied }
        if sent == nil { sent = try linkedContent(change, identity) }
        noteLeader(change, sent)
        let row = needsRow ? try end.standingRow(at: change.path) : nil
        return SourceRow(
            path: change.path, record: change.record,
            agreed: row.flatMap { isResidue || $0.state.hasAncestor ? $0.agreed : nil },
            delivered: sent.map { (AgreedEntry(attributes: $0.attributes, digest: $0.digest), $0.identity) },
            identity: identity, origin: origin)
    }

    /// What a file has that the target has made another name of one that it had.
    private func linkedContent(_ change: Announced, _ identity: LocalIdentity?) throws(HeadwaterError) -> SentContent? {
        guard let attributes = change.record.linkedAttributes, let leader = attributes.metadata?.link else {
            return nil
        }
        let known = if let sent = linkDigests[leader] { sent } else { try end.row(at: leader)?.agreed.digest }
        guard let digest = known else { return nil }
        return SentContent(attributes: attributes, digest: digest, identity: identity.flatMap { content.kept($0) })
    }

    /// Remembers what was sent of a file that others are names of: its row may come in the same commit as theirs.
    private func noteLeader(_ change: Announced, _ sent: SentContent?) {
        guard let links = end.preserved.links, let digest = sent?.digest, links.leader(at: change.path) == change.path
        else { return }
        linkDigests[change.path] = digest
    }

    /// A row that the target decided of.
    func recorded(_ item: RowsMessage.Item) throws(HeadwaterError) -> RowChange {
        if bidi != nil { throw .protocolBroken(WireFault("rows told by who is told them")) }
        switch item.state {
        case .gone: return .forget(item.path)
        case .conflict(let conflict):
            return .conflict(conflict, local: conflict.upstream.flatMap { identity(of: item.path, if: $0) })
        case .agreed(let agreed):
            return .put(item.path, agreed, local: identity(of: item.path, if: agreed), state: .agreed)
        case .kept(let agreed):
            return .put(item.path, agreed, local: identity(of: item.path, if: agreed), state: .kept)
        case .withheld(let agreed): return .put(item.path, agreed, local: nil, state: .withheld)
        case .residue: throw .protocolBroken(WireFault("residue told by who keeps it"))
        }
    }

    /// What stands at a path, where that looks as it was told.
    private func identity(of path: TreePath, if told: AgreedEntry) -> LocalIdentity? {
        guard let index = image?.index(of: path),
            end.preserved.agree(end.preserved.seen(path, image!.status(at: index), nil), told.attributes)
        else { return nil }
        return content.kept(image!.identity(at: index))
    }
}

extension ChangeRecord.State {
    /// Those of a file that is another name.
    fileprivate var linkedAttributes: Attributes? {
        switch self {
        case .file(let attributes), .touchedFile(let attributes): attributes.metadata?.link == nil ? nil : attributes
        default: nil
        }
    }
}
