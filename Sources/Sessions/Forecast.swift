import Core
import Glibc
import Platform
import Reconciliation
import Roots
import Synchronization

/// Where a target brings the steps that it has decided on: into its tree, or into a plan.
protocol Applying: AnyObject {
    /// The outcomes, in the order of the operations.
    func apply(_ operations: [Operation]) throws(HeadwaterError) -> [Outcome]
}

extension Applier: Applying {}

/// The target's part of a plan: in the place of changing its tree it foresees what each operation would come to, says so, and remembers
/// it for who plans what comes after.
///
/// What only trying can tell (permissions, room, what happens meanwhile) it does not foresee.
final class Forecast: Applying {
    private static let numbers = Atomic<UInt64>(0)

    private let end: SessionEnd
    private let observer: any SessionObserver
    /// As the target decides by.
    var image: TreeImage?
    /// Of what the source has renamed.
    private(set) var names = ForeseenNames()
    private var removed: Set<TreePath> = []
    private var steps: [ForeseenStep] = []
    private var stepBytes = 0
    private var recorded: UInt64 = 0
    private var foreseen: [Predicted] = []

    init(_ end: SessionEnd, _ observer: any SessionObserver) { (self.end, self.observer) = (end, observer) }

    func apply(_ operations: [Operation]) -> [Outcome] { operations.map(outcome) }

    private func outcome(_ operation: Operation) -> Outcome {
        switch operation {
        case .putFile(_, _, let expected), .putSymlink(_, _, _, _, let expected), .link(_, _, _, _, let expected):
            // A directory that holds something else stays.
            if expected.isDirectory && !isEmptied(operation.path) { return .kept }
            return .done(status(operation, expected))
        case .makeDirectory(_, _, _, let expected), .setAttributes(_, _, _, let expected):
            return .done(status(operation, expected))
        case .remove(let path, let expected): return remove(path, expected)
        case .move(let from, let to, _):
            guard let status = standing(from) else { return .changedMeanwhile }
            names.move(from: from, to: to, isDirectory: status.attributes.kind == .directory)
            return .done(status)
        case .exchange(let path, let other, _, _):
            guard let status = standing(path), let otherStatus = standing(other) else { return .changedMeanwhile }
            let areFiles = [status, otherStatus].allSatisfy { $0.attributes.kind != .directory }
            names.exchange(path, other, areFiles: areFiles)
            return .exchanged(otherStatus, status)
        }
    }

    /// What will be at a path by what was renamed so far.
    private func standing(_ path: TreePath) -> EntryStatus? {
        guard let image, case .at(let place) = names.standing(at: path) else { return nil }
        return image.index(of: place).map(image.status(at:))
    }

    private func remove(_ path: TreePath, _ expected: Expected) -> Outcome {
        if expected == .absent { return .removed }
        if expected.isDirectory && !isEmptied(path) { return .kept }
        removed.insert(path)
        return .removed
    }

    /// As a scan would find it. A directory that stands stays the inode that it is.
    private func status(_ operation: Operation, _ expected: Expected) -> EntryStatus {
        var attributes = operation.leaves!.attributes
        let owner = owner(operation, attributes)
        attributes.metadata = nil
        guard attributes.kind == .directory, case .present(.directory, let standing, _, _) = expected else {
            return EntryStatus(attributes: attributes, identity: newIdentity(attributes.mtime), owner: owner)
        }
        var identity = standing
        identity.mtime = attributes.mtime
        return EntryStatus(attributes: attributes, identity: identity, owner: owner)
    }

    /// Who will own it: as the session preserves that, else who does so now, or makes it.
    private func owner(_ operation: Operation, _ attributes: Attributes) -> OwnerIDs {
        let stays = if case .setAttributes = operation { true } else { false }
        let dressing = end.preserved.dressing(attributes, isNew: !stays)
        let now = image.flatMap { image in stays ? image.index(of: operation.path).map(image.owner) : nil }
        return OwnerIDs(
            user: dressing.user ?? now?.user ?? geteuid(), group: dressing.group ?? now?.group ?? getegid())
    }

    /// Names what will be there. As an image has it: on the tree's device.
    private func newIdentity(_ mtime: Timestamp) -> LocalIdentity {
        let number = Forecast.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return LocalIdentity(
            device: end.root.device, inode: 1 << 63 | number, birth: .zero, mtime: mtime, ctime: mtime)
    }

    /// Whether all that a directory holds is removed by this plan.
    private func isEmptied(_ path: TreePath) -> Bool {
        guard let image, let index = image.index(of: path) else { return true }
        if image.isIncomplete(at: index) || holdsReserved(path) { return false }
        let prefix = path.key + [0]
        var next = index + 1
        while next < image.count {
            let key = image.key(at: next)
            guard key.starts(with: prefix) else { break }
            guard removed.contains(TreePath(trusted: key)) else { return false }
            // Below what is removed all is.
            next = image.kind(at: next) == .directory ? image.firstIndex(notBefore: key + [1]) : next + 1
        }
        return true
    }

    /// A nested `.headwater`, which no image shows.
    private func holdsReserved(_ path: TreePath) -> Bool {
        if end.root.isAbsent { return false }
        let cursor = TreeCursor(root: end.root.descriptor.raw)
        guard let place = try? cursor.locate(path.appending(TreePath.reservedName)) else { return false }
        var status = FileStatus()
        return status.load(at: place.directory, place.name)
    }

    // MARK: What was decided

    /// Takes one step with what it came to.
    ///
    /// - Parameter outcome: nil where the tree is right already.
    func note(_ step: PlannedStep, _ operation: Operation?, _ outcome: Outcome?) {
        switch (operation, outcome) {
        case (nil, _):
            if let conflict = step.flag { add(ForeseenStep(conflict, isUpward: isUpward)) } else { recorded += 1 }
        case (let operation?, .done(let status)?): add(step, operation, status)
        case (let operation?, .removed?):
            guard let planned = foreseen(step, operation) else { return recorded += 1 }
            add(planned)
            foreseen.append(Predicted(path: step.path, status: nil))
        case (_?, _): break
        }
    }

    private var isUpward: Bool { end.meta.terms.isUpstream }

    /// Notes that something is made ahead of all changes, for what is renamed or copied.
    func note(made path: TreePath) { names.make(path) }

    /// Takes what is renamed; of what was found to be done already only the rows are made so.
    func note(renames steps: [ForeseenStep], isDone: Bool) {
        for step in steps { add(step) }
        if isDone { recorded += 1 }
    }

    /// Has who plans after this read the tree under its new names, and decides by it from now on.
    func note(renamed tree: TreeImage) throws(HeadwaterError) {
        defer { image = tree }
        guard let image, end.isReadLater else { return }
        var before = image.cursor()
        var after = tree.cursor()
        var (old, new) = (before.next(), after.next())
        while old || new {
            let order = !old ? 1 : !new ? -1 : TreePath.compare(Array(before.key), Array(after.key))
            if order < 0 { foreseen.append(Predicted(path: TreePath(trusted: Array(before.key)), status: nil)) }
            if order > 0 || (order == 0 && before.status.identity.inode != after.status.identity.inode) {
                if let entry = try renamed(TreePath(trusted: Array(after.key)), after.status) { foreseen.append(entry) }
            }
            if order <= 0 { old = before.next() }
            if order >= 0 { new = after.next() }
        }
        end.foresee(foreseen)
        foreseen = []
    }

    /// Nil for what is only planned: that is noted already.
    private func renamed(_ path: TreePath, _ status: EntryStatus) throws(HeadwaterError) -> Predicted? {
        guard case .at(let place) = names.standing(at: path) else { return nil }
        let link = status.attributes.kind == .symlink ? link(at: place) : nil
        return Predicted(
            path: path, status: status, digest: try end.row(at: path)?.agreed.digest, link: link, origin: place)
    }

    private func link(at place: TreePath) -> [UInt8]? {
        let cursor = TreeCursor(root: end.root.descriptor.raw)
        return try? cursor.withName(place) { directory, name throws(SystemError) in
            try Platform.readLink(at: directory, name)
        }
    }

    private func foreseen(_ step: PlannedStep, _ operation: Operation) -> ForeseenStep? {
        var planned = ForeseenStep(step, operation, isUpward: isUpward)
        // Its renaming, which comes first, will change the ctime.
        let path = step.path
        if names.standing(at: path) != .at(path) || end.root.prediction.origin(of: path) != path {
            planned?.before?.changedAt = nil
        }
        return planned
    }

    private func add(_ step: PlannedStep, _ operation: Operation, _ status: EntryStatus) {
        guard let planned = foreseen(step, operation) else { return }
        add(planned)
        let link: [UInt8]? = if case .putSymlink(_, let target, _, _, _) = operation { target } else { nil }
        foreseen.append(
            Predicted(
                path: step.path, status: status, digest: planned.after?.digest, link: link,
                standing: standing(operation)))
    }

    /// What names the content that stays under another mode or time.
    private func standing(_ operation: Operation) -> LocalIdentity? {
        guard case .setAttributes(_, _, _, .present(let kind, let identity, _, _)) = operation, kind != .directory
        else {
            return nil
        }
        return identity
    }

    // MARK: Telling

    private func add(_ step: ForeseenStep) {
        steps.append(step)
        stepBytes += step.path.key.count + 96
        if steps.count >= Forecast.stepsAtOnce || stepBytes >= Forecast.bytesAtOnce { tell() }
    }

    private static let stepsAtOnce = 2048
    private static let bytesAtOnce = 256 * 1024

    /// Says what was foreseen and is not said yet.
    func tell() {
        if steps.isEmpty && recorded == 0 { return }
        observer.note(planned: steps, recorded: recorded)
        (steps, stepBytes, recorded) = ([], 0, 0)
    }

    /// Has who plans after this read the tree as it will be.
    func finish() {
        tell()
        end.foresee(foreseen)
        foreseen = []
    }
}
