import Content
import Core

/// What only some policies ask for.
extension Decider {
    // MARK: Hard links

    /// A name that goes, or certainly gets another file, stands for no others any more.
    func noteLeaving(_ record: ChangeRecord, _ found: Found?) {
        guard let links = view.preserved.links, let found, found.attributes.kind == .file else { return }
        let wanted = record.attributes
        if wanted?.kind != .file || wanted?.size != found.attributes.size { links.leave(record.path) }
    }

    /// What becomes of a file that is, or was, another name; nil for all others.
    ///
    /// A name is given when everything else is done. One that is to be a file of its own gets one: what is done to it must not be done to
    /// the others.
    func linked(_ index: Int, _ record: ChangeRecord, _ here: Attributes?, _ found: Found?) -> Verdict? {
        guard view.preserved.keepsLinks, let wanted = record.attributes, wanted.kind == .file, let here else {
            return nil
        }
        if let leader = wanted.metadata?.link {
            if let found, !found.kind.isSynced { return .problem(.blocked(record.path)) }
            return .apply(
                PlannedStep(
                    index: index, path: record.path, agreed: AgreedEntry(attributes: wanted, digest: nil),
                    action: .link(to: leader, here), expected: found?.expected ?? .absent))
        }
        guard let found, found.kind == .file, found.attributes.metadata?.link != nil else { return nil }
        return .want(
            WantedFile(
                index: index, path: record.path, attributes: wanted, expected: found.expected,
                standing: found.attributes, replacesDirectory: false))
    }

    /// The directories that must be made before something can be put at `path`: agreed ones that only this end removed or replaced, and
    /// that were left so (`drift: keep`). The source says nothing of them, since there they never changed.
    package func wayTo(_ path: TreePath) throws(HeadwaterError) -> [PlannedStep] {
        if !hasKeptAway { return [] }
        var missing: [TreePath] = []
        var above = path.parent
        while !above.isRoot {
            if takeKeptAway(above) { missing.append(above) }
            above = above.parent
        }
        // What the change itself is about, it brings.
        _ = takeKeptAway(path)
        var steps: [PlannedStep] = []
        for directory in missing.reversed() {
            guard let row = try view.row(at: directory) else { continue }
            steps.append(remade(directory, row.agreed, expected: expected(at: directory)))
        }
        return steps
    }

    /// An agreed directory that is made again without a change of the source.
    func remade(_ path: TreePath, _ agreed: AgreedEntry, expected: Expected) -> PlannedStep {
        let here = view.preserved.here(agreed.attributes, over: nil)
        return PlannedStep(path: path, agreed: agreed, action: .makeDirectory(here), expected: expected)
    }

    /// Whether the source has at a path what was agreed, as far as attributes tell; for a symlink its target.
    package func isAsAgreed(_ record: ChangeRecord) throws(HeadwaterError) -> Bool {
        guard let row = try view.row(at: record.path), let attributes = record.attributes,
            view.preserved.agree(row.agreed.attributes, attributes)
        else { return false }
        if case .symlink(let target, _, _) = record.state { return row.agreed.digest == Hash.digest(target) }
        return true
    }

    /// The source has these paths, though no change says so.
    ///
    /// - Parameter withBelow: and nobody knows what is below them.
    package func note(held paths: [TreePath], withBelow: Bool) throws(HeadwaterError) {
        for path in paths { try claim(at: path, withBelow: withBelow) }
    }

    /// What stands here and not at the source, in scan order; to be asked when the source has said everything.
    package func removalsOfSurplus() throws(HeadwaterError) -> [Removal] {
        guard var surplus = takeSurplus() else { return [] }
        return try surplus.entries().map { Removal(path: $0, expected: expected(at: $0)) }
    }
}
