import Content
import Core

/// One step that is ready to be applied and recorded.
package struct PlannedStep: Hashable, Sendable {
    /// What is done to the tree.
    package enum Action: Hashable, Sendable {
        /// Content that is staged already.
        case putFile
        case putSymlink(target: [UInt8], Attributes)
        case makeDirectory(Attributes)
        case setAttributes(Attributes)
        case remove
        /// Another name of the file that stands at a path by then, as which it is described.
        case link(to: TreePath, Attributes)
        /// The entry that stands at another path, `expected` there, gets this one.
        case move(from: TreePath)
        /// The entries of two paths change places; what stands at the other one.
        case exchange(with: TreePath, Expected)

        /// What stands there afterwards; nil where the content tells, or nothing does.
        package var attributes: Attributes? {
            switch self {
            case .putFile, .remove, .move, .exchange: nil
            case .putSymlink(_, let attributes), .makeDirectory(let attributes), .setAttributes(let attributes),
                .link(_, let attributes):
                attributes
            }
        }
    }

    /// The change that asks for it, or `noIndex`.
    package var index: Int
    package var path: TreePath
    /// Nil for a removal and for a conflict.
    package var agreed: AgreedEntry?
    /// What the row becomes.
    package var state: RowState
    /// Nil where the tree is right already and only the row is to be made.
    package var action: Action?
    /// What stands at the path, to be compared right before it is changed.
    package var expected: Expected
    /// The row is to say that both sides changed the path.
    package var flag: Conflict?
    /// Nothing is agreed yet: the row stays as it is.
    package var isUnrecorded = false
    /// For a row without an action: what stands there.
    package var identity: LocalIdentity?
    /// A directory stands there, so that it can be published only after the removals.
    package var replacesDirectory = false
    /// The step of the source's renames that it carries out, or that was found to be done already.
    package var renaming: RenameStep?
    /// No change of the source's leads to the row: it is told as it is.
    package var isTold = false
    /// What stands there afterwards has mode and metadata of its own, of which the other end is told next.
    package var keepsOwnMode = false
    /// How what stands there afterwards came there. Of directories and symlinks nobody tells the other end whether they were there, nor
    /// of rows that it is told as they are.
    var origin: RowOrigin {
        if isTold { return .sent }
        return switch action {
        case .link: .copied
        case nil, .setAttributes: agreed?.attributes.kind == .file ? .existed : .sent
        case .putFile, .putSymlink, .makeDirectory, .remove, .move, .exchange: .sent
        }
    }
    /// Stands for `index` in a step that no change of the source asked for.
    package static let noIndex = -1

    package init(
        index: Int = noIndex, path: TreePath, agreed: AgreedEntry? = nil, state: RowState = .agreed,
        action: Action? = nil, expected: Expected = .absent, flag: Conflict? = nil, identity: LocalIdentity? = nil
    ) {
        self.index = index
        self.path = path
        self.agreed = agreed
        self.state = state
        self.action = action
        self.expected = expected
        self.flag = flag
        self.identity = identity
    }
}

/// A removal that waits until all changes are known.
package struct Removal: Hashable, Sendable {
    /// The change that asks for it, or `PlannedStep.noIndex`: for what a mirror has beyond its source.
    package var index: Int
    package var path: TreePath
    package var expected: Expected
    /// The row stays as it is: the other end has yet to hear of it.
    package var isUnrecorded: Bool
    /// No change of the source's leads to it: it is told that the row goes.
    package var isTold = false

    package init(index: Int = PlannedStep.noIndex, path: TreePath, expected: Expected, isUnrecorded: Bool = false) {
        self.index = index
        self.path = path
        self.expected = expected
        self.isUnrecorded = isUnrecorded
    }
}

/// A file whose content is on its way.
package struct WantedFile: Hashable, Sendable {
    package var index: Int
    package var path: TreePath
    package var attributes: Attributes
    /// What stands at the path, to be compared right before it is replaced.
    package var expected: Expected
    /// The digest of what stands there, where that may be what is wanted.
    package var has: Digest?
    /// The digest of an earlier version of a large file that stands there, of whatever size.
    package var base: Digest?
    /// What stands there, for a `same`: as it was when it was digested.
    package var found: Found?
    /// A directory stands there, so that it can be published only after the removals.
    package var replacesDirectory: Bool
    /// What the file keeps at this end; nil: the source's.
    package var keeps: OwnMode?
    /// What stands there, as the session sees it.
    package var standing: Attributes?

    package init(
        index: Int, path: TreePath, attributes: Attributes, expected: Expected, standing: Attributes?,
        replacesDirectory: Bool
    ) {
        self.standing = standing
        self.index = index
        self.path = path
        self.attributes = attributes
        self.expected = expected
        self.replacesDirectory = replacesDirectory
    }

    /// Notes what stands there, where it is a version that much may be taken from.
    package mutating func mayBuild(on standing: AgreedEntry?) {
        guard let standing, standing.attributes.kind == .file, attributes.size > UInt64(Segment.bytes),
            standing.attributes.size > UInt64(Segment.bytes)
        else { return }
        base = standing.digest
    }

    /// The source's with the metadata that it announced: content comes without.
    private func whole(_ sent: AgreedEntry) -> AgreedEntry {
        var whole = sent
        whole.attributes.metadata = attributes.metadata
        return whole
    }

    /// What the file is to be here, where the source's is so.
    package func here(_ sent: Attributes, _ preserved: Preserved) -> Attributes {
        var here = preserved.here(whole(AgreedEntry(attributes: sent, digest: nil)).attributes, over: standing)
        if let keeps { (here.mode, here.metadata) = (keeps.mode, keeps.metadata) }
        return here
    }

    /// The step for content that has come.
    package func step(_ sent: AgreedEntry) -> PlannedStep {
        var step = PlannedStep(index: index, path: path, agreed: whole(sent), action: .putFile, expected: expected)
        step.replacesDirectory = replacesDirectory
        step.keepsOwnMode = keeps != nil
        return step
    }

    /// The step for content that is here already: only attributes may be off, or only the row is missing. Nil where it is not here.
    package func step(same sent: AgreedEntry, _ preserved: Preserved) -> PlannedStep? {
        guard let found, has == sent.digest, found.attributes.size == sent.attributes.size else { return nil }
        var step = PlannedStep(
            index: index, path: path, agreed: whole(sent), expected: expected, identity: found.identity)
        step.keepsOwnMode = keeps != nil
        let here = here(sent.attributes, preserved)
        if found.attributes != here { step.action = .setAttributes(here) }
        return step
    }
}

/// Mode and metadata of one side, which the other side's content is given.
package struct OwnMode: Hashable, Sendable {
    package var mode: UInt16
    package var metadata: Metadata?

    package init(_ mode: UInt16, _ metadata: Metadata?) { (self.mode, self.metadata) = (mode, metadata) }
}
