import Core
import Reconciliation
import Roots

/// Files that get another name. All else is done by then, so that the file is there, durable and recorded under the name that stands for it.
extension TargetBatch {
    /// Adds the next of them; nil where none are left.
    ///
    /// - Returns: the problems of those whose file is not here as it was announced.
    func beginLinks() throws(HeadwaterError) -> [HeadwaterError]? {
        let steps = takeLinks()
        if steps.isEmpty { return nil }
        var problems: [HeadwaterError] = []
        for step in steps {
            guard case .link(let to, _) = step.action, let agreed = step.agreed, let row = try end.row(at: to),
                to != step.path, row.agreed.attributes.kind == .file,
                row.agreed.attributes.size == agreed.attributes.size,
                row.agreed.attributes.mtime == agreed.attributes.mtime, row.agreed.digest != nil || end.isPlan
            else {
                problems.append(.changedMeanwhile(step.path))
                continue
            }
            var step = step
            step.agreed?.digest = row.agreed.digest
            addLink(step, inode: row.local)
        }
        return problems
    }

    /// Notes what names are known by of files of which this cycle has changed others: each such change shows at all of them.
    func renewLinks() throws(HeadwaterError) {
        guard let links = end.preserved.links, !end.isPlan else { return }
        var renewed: [RowChange] = []
        for leader in linked {
            for path in Set(links.names(at: leader.key) + [leader.key] + leader.value) {
                guard let row = try end.row(at: path), let local = row.local, let now = known(afterwards: local) else {
                    continue
                }
                renewed.append(.local(path, now))
            }
        }
        if !renewed.isEmpty { _ = try end.commit(renewed, theirs: nil) }
    }
}

extension TargetBatch {
    /// What directories are known by in which something was changed just now, where nobody else has done anything to them.
    func renewedDirectories(_ operations: [Operation]) throws(HeadwaterError) -> [RowChange] {
        guard end.preserved.readsExtended, !end.isPlan else { return [] }
        var renewed: [RowChange] = []
        for path in Set(operations.map(\.path.parent)) where !path.isRoot {
            guard let row = try end.row(at: path), let local = row.local, let now = known(afterwards: local) else {
                continue
            }
            renewed.append(.local(path, now))
        }
        return renewed
    }
}

extension Target {
    /// Gives files their other names.
    func giveNames() throws(HeadwaterError) {
        while !stopping, let problems = try batch.beginLinks() {
            for problem in problems { note(problem: problem) }
            try apply()
            while let item = try inbox.poll() { try handle(item) }
        }
        try batch.renewLinks()
    }
}
