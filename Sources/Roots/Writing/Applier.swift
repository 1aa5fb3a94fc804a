import Core
import Glibc
import Platform

/// Makes a tree match, batch by batch: the only code that changes a user's tree.
///
///     staged content durable ─► published, one path after the other ─► directories' modes and times ─► all durable ─► returned
///
/// The caller records what `apply` returned, and only that (invariants 2 and 3). Old or new at every path at every moment, whatever
/// is killed (1); each path is looked at right before and, on its way out, right after (4); all through descriptors (7).
/// How it is done in detail, and what it cannot exclude: `docs/apply.md`. One thread's own: not Sendable. Blocks.
package final class Applier {
    let stage: Stage
    let cursor: TreeCursor
    /// For the second path of a rename.
    let otherCursor: TreeCursor
    let displacement: Displacement
    private let keepers: [Attic]
    private let forcedWay: DurabilityWay?
    private let keepsTimes: Bool
    /// Whether `renewed` knows of directories, too.
    package var tracksDirectories = false

    /// - Parameters:
    ///   - stage: of the root that is changed; its session's lock is held by the caller.
    ///   - keepsTimes: a directory has the time that it had, or that is asked for, whatever is changed in it.
    package convenience init(_ stage: Stage, keepsTimes: Bool = true) {
        self.init(stage, ability: .full, keepsTimes: keepsTimes)
    }

    /// For tests and measurements: a lesser file system, a way to become durable, and a hook between the check of a path and its
    /// change.
    package init(
        _ stage: Stage, ability: RenameAbility, way: DurabilityWay? = nil, keepsTimes: Bool = true,
        onChecked: ((TreePath) -> Void)? = nil
    ) {
        self.stage = stage
        self.keepsTimes = keepsTimes
        cursor = TreeCursor(root: stage.root)
        otherCursor = TreeCursor(root: stage.root)
        let (attic, beside) = stage.keepers()
        keepers = [attic, beside]
        displacement = Displacement(
            stage: stage, attic: attic, beside: beside, ability: ability, onChecked: onChecked)
        forcedWay = way
    }

    /// Applies the operations in their order; the outcomes are in the same order.
    ///
    /// Takes over the staged files: each is published or removed. What concerns one path is its outcome; an error thrown is one of the
    /// whole (`stage.no-space`, `apply.read-only`, `apply.not-durable`, `apply.root-gone`), after it nothing of the batch counts, and
    /// what was published already is found as achieved by the next scan.
    package func apply(_ operations: [Operation]) throws(HeadwaterError) -> [Outcome] {
        if operations.isEmpty { return [] }
        cursor.invalidate()
        otherCursor.invalidate()
        for keeper in keepers { keeper.invalidate() }
        var batch = Batch(
            operations, stage, keepsTimes: keepsTimes, changes: tracksDirectories ? displacement.changes : nil)
        defer { batch.discardUnpublished() }
        try checkRoot()
        try batch.stageEntries(otherCursor, displacement.changes)
        let durability = Durability(
            stage: stage.directory.raw, changes: operations.count, bytes: batch.bytes, forced: forcedWay)
        let intent = try batch.writeIntent()
        try durability.contentDurable(batch.files, intent: intent ? stage.intent.raw : nil)
        try dropPartials(operations)
        do throws(HeadwaterError) {
            for index in operations.indices { batch.outcomes[index] = try attempt(operations[index], index, &batch) }
        } catch {
            _ = try? batch.directories.finish(cursor, syncEach: false)
            throw error
        }
        try settle(&batch, durability)
        return batch.outcomes
    }

    /// From here on a large file has one name: what stands in the tree is never written into.
    private func dropPartials(_ operations: [Operation]) throws(HeadwaterError) {
        do throws(SystemError) {
            for operation in operations {
                if case .putFile(_, let file, _) = operation, let name = file.partial { try stage.dropPartial(name) }
            }
        } catch { throw stage.error(error, needed: 4096) }
    }

    /// The end of a batch: directories get their modes and times, and all of it reaches the disk.
    private func settle(_ batch: inout Batch, _ durability: Durability) throws(HeadwaterError) {
        let each = durability.way == .eachFile && !batch.needsWholeSync
        let (settled, unsynced) = try batch.directories.finish(cursor, syncEach: each)
        for (index, result) in settled {
            switch result {
            case .set(let status): batch.outcomes[index] = .done(status)
            case .changedMeanwhile: batch.outcomes[index] = .changedMeanwhile
            case .failed(let error): batch.outcomes[index] = .failed(error)
            }
        }
        if !each || unsynced { try durability.everythingDurable() } else { try makeAtticDurable() }
        try checkRoot()
    }

    private func makeAtticDurable() throws(HeadwaterError) {
        do throws(SystemError) { for keeper in keepers { try keeper.makeDurable() } } catch {
            throw Durability.failure(error, stage.directory.raw)
        }
    }

    private func checkRoot() throws(HeadwaterError) {
        guard let root = try? FileStatus(descriptor: stage.root), root.links > 0,
            let own = try? FileStatus(descriptor: stage.directory.raw), own.links > 0
        else { throw WritingError.rootGone() }
    }

    // MARK: one operation

    /// Performs it, a second time after opening directories that we own but may not write.
    private func attempt(_ operation: Operation, _ index: Int, _ batch: inout Batch) throws(HeadwaterError) -> Outcome {
        let refused: SystemError
        do throws(SystemError) {
            return try perform(operation, index, &batch)
        } catch { refused = error }
        guard refused.errno == EACCES else { return try outcome(of: refused, batch) }
        cursor.invalidate()
        otherCursor.invalidate()
        var isOpened = false
        for directory in operation.directories { isOpened = batch.directories.open(directory, cursor) || isOpened }
        guard isOpened else { return .failed(refused) }
        do throws(SystemError) {
            return try perform(operation, index, &batch)
        } catch { return try outcome(of: error, batch) }
    }

    private func outcome(of error: SystemError, _ batch: Batch) throws(HeadwaterError) -> Outcome {
        if let fatal = WritingError.fatal(error, stage: stage.directory.raw, needed: batch.bytes) { throw fatal }
        if error.isMissing { try checkRoot() }
        return .failed(error)
    }
}
