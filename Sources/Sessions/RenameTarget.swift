import Content
import Core
import Glibc
import Platform
import Reconciliation
import Roots
import Snapshots

/// Says what each step of a source's renames means at this end, by what stands at the paths right now and by what the rows say.
///
/// A rename is done only where both ends have agreed on exactly what stands at the old path, and the new one is free; where it was
/// done already, by a run that was killed before it recorded that, only the rows are made so. Everything else is left to the changes that
/// follow, as a deletion and a creation. So is what a plan that is carried out does not have as a rename.
final class RenameTarget {
    private let end: SessionEnd
    /// Nil in a plan.
    private let stage: Stage?
    /// Nil but in a plan, in which entries stand under other names than they have by then.
    private let forecast: Forecast?
    private let reader: CacheReader
    private let cursor: TreeCursor
    private let isEnding: () -> Bool
    /// What the steps are about that were planned and not done yet, as far as is known.
    private var pending: Set<TreePath> = []

    /// - Parameter isEnding: asked while content is copied.
    init(_ end: SessionEnd, _ stage: Stage?, _ forecast: Forecast?, isEnding: @escaping () -> Bool) {
        (self.end, self.stage, self.forecast, self.isEnding) = (end, stage, forecast, isEnding)
        reader = end.root.cache.openReader()
        cursor = TreeCursor(root: end.root.descriptor.raw)
    }

    deinit { reader.close() }

    /// What a step comes to; nil: it is left to the changes.
    ///
    /// - Parameter settle: does what was planned before, where this step goes on from that.
    func decide(_ index: Int, _ step: RenameStep, settle: () throws(HeadwaterError) -> Void) throws(HeadwaterError)
        -> StagedStep?
    {
        let paths = [step.path, step.from].compactMap(\.self)
        for path in paths where try !isOpen(path) { return nil }
        let isPermitted = isPermitted(step)
        if case .copy = step, !isPermitted { return nil }
        if paths.contains(where: pending.contains) {
            pending = []
            try settle()
        }
        // What was found to be done already was so when it was planned, too, and needs no permission.
        guard let planned = try plan(index, step), isPermitted || planned.step.action == nil else { return nil }
        pending.formUnion(paths)
        return planned
    }

    private func plan(_ index: Int, _ step: RenameStep) throws(HeadwaterError) -> StagedStep? {
        cursor.invalidate()
        switch step {
        case .directory(let path, let attributes):
            guard try end.standingRow(at: path) == nil, isFree(path), hasDirectory(for: path) else { return nil }
            let agreed = AgreedEntry(attributes: attributes, digest: nil)
            forecast?.note(made: path)
            return (
                PlannedStep(
                    index: index, path: path, agreed: agreed,
                    action: .makeDirectory(end.preserved.here(attributes, over: nil))), nil
            )
        case .move(let from, let to): return try move(index, from, to).map { ($0, nil) }
        case .exchange(let path, let other): return try exchange(index, path, other).map { ($0, nil) }
        case .copy(let from, let to): return try copy(index, from, to)
        }
    }

    private func planned(_ index: Int, _ step: RenameStep, _ row: Row) -> PlannedStep {
        var planned = PlannedStep(index: index, path: step.path, agreed: row.agreed)
        planned.renaming = step
        return planned
    }

    private func move(_ index: Int, _ from: TreePath, _ to: TreePath) throws(HeadwaterError) -> PlannedStep? {
        guard let row = try end.row(at: from), try end.standingRow(at: to) == nil else { return nil }
        var step = planned(index, .move(from: from, to: to), row)
        if let status = status(from) {
            guard isFree(to), hasDirectory(for: to), try isAsAgreed(row, status, at: from, namedAfterwards: to) else {
                return nil
            }
            (step.action, step.expected) = (.move(from: from), Expected(status))
            return step
        }
        // A run that was killed has done it.
        guard isFree(from), let status = status(to), try isAsAgreed(row, status, at: to, namedAfterwards: to) else {
            return nil
        }
        step.identity = status.identity
        return step
    }

    private func exchange(_ index: Int, _ path: TreePath, _ other: TreePath) throws(HeadwaterError) -> PlannedStep? {
        guard let row = try end.row(at: path), let otherRow = try end.row(at: other), let status = status(path),
            let otherStatus = self.status(other)
        else { return nil }
        var step = planned(index, .exchange(path, other), row)
        if try isAsAgreed(row, status, at: path, namedAfterwards: other),
            try isAsAgreed(otherRow, otherStatus, at: other, namedAfterwards: path)
        {
            (step.action, step.expected) = (.exchange(with: other, Expected(otherStatus)), Expected(status))
            return step
        }
        guard try isAsAgreed(row, otherStatus, at: other, namedAfterwards: other),
            try isAsAgreed(otherRow, status, at: path, namedAfterwards: path)
        else { return nil }
        return step
    }

    /// A file is put beside itself: nothing is deleted.
    private func copy(_ index: Int, _ from: TreePath, _ to: TreePath) throws(HeadwaterError) -> StagedStep? {
        guard let row = try end.row(at: from), row.agreed.attributes.kind == .file, let digest = row.agreed.digest,
            try end.standingRow(at: to) == nil, isFree(to), hasDirectory(for: to), let status = status(from),
            try isAsAgreed(row, status, at: from, namedAfterwards: to)
        else { return nil }
        let request = ReadRequest(path: from, attributes: status.attributes, identity: status.identity)
        guard let stage else {
            var step = planned(index, .copy(from: from, to: to), row)
            step.action = .putFile
            forecast?.note(made: to)
            return (step, StagedFile(promised: end.preserved.here(row.agreed.attributes, over: nil)))
        }
        guard case .success(let opened) = reader.open(request) else { return nil }
        let copied: (staged: StagedFile, digest: Digest)?
        do throws(HeadwaterError) {
            let here = end.preserved.here(row.agreed.attributes, over: nil)
            copied = try stage.file(
                here, end.preserved.dressing(here, isNew: true), contentOf: opened, isEnding: isEnding)
        } catch {
            // It grew or shrank meanwhile.
            if (try? FileStatus(descriptor: opened.raw))?.identity != status.identity { return nil }
            throw error
        }
        guard let copied else { return nil }
        guard copied.digest == digest else {
            copied.staged.discard()
            return nil
        }
        var step = planned(index, .copy(from: from, to: to), row)
        step.action = .putFile
        return (step, copied.staged)
    }

    // MARK: What stands there

    /// Where what is called so stands on the disk.
    private func standing(_ path: TreePath) -> ForeseenNames.Standing {
        forecast?.names.standing(at: path) ?? .at(path)
    }

    private func status(_ path: TreePath) -> FileStatus? {
        guard case .at(let path) = standing(path), let place = try? cursor.locate(path) else { return nil }
        return try? FileStatus(at: place.directory, place.name)
    }

    /// Whether it is certain that nothing stands there.
    private func isFree(_ path: TreePath) -> Bool {
        let standing = standing(path)
        guard case .at(let path) = standing else { return standing == .nowhere }
        do throws(SystemError) {
            let place = try cursor.locate(path)
            var status = FileStatus()
            return !status.load(at: place.directory, place.name) && errno == ENOENT
        } catch { return error.errno == ENOENT }
    }

    /// Whether what is put there has a directory to lie in, by then.
    private func hasDirectory(for path: TreePath) -> Bool {
        let parent = path.parent
        if parent.isRoot { return true }
        let isPlanned = forecast.map { $0.names.standing(at: parent) == .planned } ?? pending.contains(parent)
        return isPlanned || status(parent)?.kind == .directory
    }

    /// Whether a path is this session's to change: neither kept out of it, nor at or below one in conflict.
    private func isOpen(_ path: TreePath) throws(HeadwaterError) -> Bool {
        if end.neverSynced.covers(path) { return false }
        // What an edge before has planned there stands nowhere to be looked at.
        if end.isPlan && end.root.prediction.touches(path) { return false }
        if end.meta.counts.conflicts == 0 { return true }
        var above = path
        while !above.isRoot {
            if let row = try end.standingRow(at: above), row.state == .conflict { return false }
            above = above.parent
        }
        return true
    }

    /// Whether a plan that is carried out has it.
    private func isPermitted(_ step: RenameStep) -> Bool {
        guard let permits = end.permits else { return true }
        func holds(_ action: ForeseenStep.Action, _ path: TreePath) -> Bool {
            permits.holds(action, at: ForeseenStep.Place(path: path, isUpward: end.meta.terms.isUpstream))
        }
        return switch step {
        case .directory: true
        case .copy(_, let to): holds(.create, to)
        case .move(_, let to): holds(.rename, to)
        case .exchange(_, let other): holds(.rename, other)
        }
    }

    /// Whether what stands at `path` is what a row says, a directory with all that is below it.
    ///
    /// - Parameter name: what it is to be called: what a filter excludes there has to stay where it is.
    private func isAsAgreed(_ row: Row, _ status: FileStatus, at path: TreePath, namedAfterwards name: TreePath)
        throws(HeadwaterError) -> Bool
    {
        if end.filter.hides(name, status.kind) || status.isMountRoot { return false }
        guard case .at(let path) = standing(path) else { return false }
        let entry = EntryStatus(status)
        guard try isAsAgreed(row, entry, at: path) else { return false }
        if !row.agreed.isDirectory { return true }
        guard row.local.map({ $0.device == status.device && $0.inode == status.inode }) ?? true else { return false }
        return try isExactly(row.path, at: path, namedAfterwards: name)
    }

    /// The same of the entry alone. Of a directory the time does not count.
    private func isAsAgreed(_ row: Row, _ entry: EntryStatus, at path: TreePath) throws(HeadwaterError) -> Bool {
        let attributes = end.preserved.seen(path, entry, row)
        if row.agreed.isDirectory { return end.preserved.isSame(attributes, as: row.agreed.attributes) }
        switch EntryStanding(of: attributes, entry.identity, against: row, end.preserved, end.isVerifying) {
        case .untouched: return true
        case .unverified: return hasAgreedContent(row, entry, at: path)
        case .changed: return false
        }
    }

    private func hasAgreedContent(_ row: Row, _ entry: EntryStatus, at path: TreePath) -> Bool {
        guard let agreed = row.agreed.digest else { return false }
        if entry.attributes.kind == .symlink {
            return (try? reader.readLink(path)).map { Hash.digest($0) } == agreed
        }
        let request = ReadRequest(path: path, attributes: entry.attributes, identity: entry.identity)
        return reader.digest(request) == .success(agreed)
    }

    /// Whether the directory at `path` holds exactly what was agreed below `agreed`, unsynced entries included.
    private func isExactly(_ agreed: TreePath, at path: TreePath, namedAfterwards name: TreePath)
        throws(HeadwaterError) -> Bool
    {
        let kept = [end.neverSynced.mark, end.neverSynced.attic].compactMap(\.self)
        if kept.contains(where: { path.contains($0) || name.contains($0) }) { return false }
        guard let opened = try? cursor.openFile(path, O_RDONLY | O_DIRECTORY),
            let image = try? Scanner().scan(Descriptor(owning: opened)), !image.root.isIncomplete,
            image.untrackedCount == 0, image.problems.isEmpty
        else { return false }
        var rows = RowsBelow(end, agreed)
        var entries = image.cursor()
        while entries.next() {
            guard let row = try rows.next(), row.state == .agreed,
                row.path.key.dropFirst(agreed.key.count + 1).elementsEqual(entries.key)
            else { return false }
            let status = entries.status
            let below = Array(entries.key)
            if end.filter.hides(TreePath(trusted: name.key + [0] + below), status.attributes.kind) { return false }
            if try !isAsAgreed(row, status, at: TreePath(trusted: path.key + [0] + below)) { return false }
        }
        return try rows.next() == nil
    }
}

/// The rows below a path as they are now, some hundred at a time.
private struct RowsBelow {
    private let end: SessionEnd
    private let path: TreePath
    private var rows: ArraySlice<Row> = []
    private var last: TreePath?

    init(_ end: SessionEnd, _ path: TreePath) { (self.end, self.path) = (end, path) }

    mutating func next() throws(HeadwaterError) -> Row? {
        if rows.isEmpty { rows = try end.rows(below: path, after: last)[...] }
        last = rows.first?.path ?? last
        return rows.popFirst()
    }
}
