import Core
import Reconciliation

/// A tree in memory, with a clock of its own that goes on with every change.
package struct MemoryTree: Hashable, Sendable {
    /// In scan order.
    package private(set) var entries: [MemoryEntry] = []
    package private(set) var clock: Int64 = 100
    private var inodes: UInt64 = 0
    /// The contents that went to the attic.
    package private(set) var attic: [UInt64] = []

    package init() {}

    package static func == (a: MemoryTree, b: MemoryTree) -> Bool { a.entries == b.entries }

    package func index(of path: TreePath) -> Int? { entries.firstIndex { $0.path == path } }

    package subscript(path: TreePath) -> MemoryEntry? { index(of: path).map { entries[$0] } }

    package func holdsSomething(below path: TreePath) -> Bool {
        entries.contains { $0.path != path && path.contains($0.path) }
    }

    /// As a scan sees it: without what lies in directories that cannot be listed.
    package var listed: MemoryTree {
        let closed = entries.filter(\.isIncomplete).map(\.path)
        if closed.isEmpty { return self }
        var listed = self
        listed.entries.removeAll { entry in closed.contains { $0 != entry.path && $0.contains(entry.path) } }
        return listed
    }

    private mutating func tick() -> Int64 {
        clock += 1
        return clock
    }

    // MARK: What a person does

    /// Whether something can be put at a path.
    package func hasParent(_ path: TreePath) -> Bool {
        path.parent.isRoot || self[path.parent].map { $0.isDirectory && !$0.isIncomplete } ?? false
    }

    /// Puts something in the place of whatever stands there.
    package mutating func put(
        _ path: TreePath, _ kind: EntryKind, _ content: UInt64 = 0, mode: UInt16? = nil, mtime: Int64? = nil
    ) {
        remove(path)
        inodes += 1
        let now = tick()
        let mode = kind == .symlink ? 0 : mode ?? (kind == .directory ? 0o755 : 0o644)
        insert(
            MemoryEntry(
                path: path, kind: kind, content: kind == .file || kind == .symlink ? content : 0, mode: mode,
                mtime: mtime ?? now,
                inode: inodes, ctime: now))
        touchParent(of: path)
    }

    /// Writes other content into a file.
    package mutating func write(_ path: TreePath, _ content: UInt64) {
        change(path) { $0.content = content }
        touch(path)
    }

    /// - Parameter time: nil: now.
    package mutating func touch(_ path: TreePath, at time: Int64? = nil) {
        let now = tick()
        change(path) { $0.mtime = time ?? now }
    }

    /// A file or directory is given this mode; nothing else has one.
    package mutating func setMode(_ path: TreePath, _ mode: UInt16) { change(path) { $0.mode = mode } }

    package mutating func setIncomplete(_ path: TreePath, _ isIncomplete: Bool) {
        change(path) { $0.isIncomplete = isIncomplete }
    }

    /// With all that is below it.
    package mutating func remove(_ path: TreePath) {
        let count = entries.count
        entries.removeAll { path.contains($0.path) }
        if entries.count != count { touchParent(of: path) }
    }

    /// Renames, with all that is below; what stood at the new name is gone.
    package mutating func move(_ path: TreePath, to new: TreePath) {
        remove(new)
        let now = tick()
        for index in entries.indices where path.contains(entries[index].path) {
            let rest = entries[index].path.key.dropFirst(path.key.count)
            entries[index].path = TreePath(trusted: new.key + rest)
            if rest.isEmpty { entries[index].ctime = now }
        }
        entries.sort { $0.path < $1.path }
        touchParent(of: path)
        touchParent(of: new)
    }

    private mutating func touchParent(of path: TreePath) {
        if !path.parent.isRoot, self[path.parent] != nil { touch(path.parent) }
    }

    private mutating func change(_ path: TreePath, _ body: (inout MemoryEntry) -> Void) {
        guard let index = index(of: path) else { return }
        let now = tick()
        body(&entries[index])
        entries[index].ctime = now
    }

    private mutating func insert(_ entry: MemoryEntry) {
        let index = entries.firstIndex { entry.path < $0.path } ?? entries.count
        entries.insert(entry, at: index)
    }

    // MARK: What a target does

    /// Where what loses goes.
    package enum Loser: Sendable { case nowhere, attic, beside }

    /// Does one step as a real tree would: what is not as expected is left alone, directories keep their times.
    ///
    /// - Parameter content: of a file, as it was sent.
    package mutating func apply(_ step: PlannedStep, content: MemoryEntry?, loser: Loser) -> Achieved {
        let found = self[step.path]
        guard hasParent(step.path) else { return step.action == .remove ? .removed : .failed }
        switch step.action! {
        case .remove:
            guard let found else { return .removed }
            return isExpected(found, step.expected) ? take(found, loser, by: .removed) : .changedMeanwhile
        case .setAttributes(let attributes):
            guard let found, found.kind == attributes.kind, isExpected(found, step.expected) else {
                return .changedMeanwhile
            }
            return set(step.path, attributes)
        case .makeDirectory(let attributes):
            if let found, found.kind == .directory { return set(step.path, attributes) }
            return replace(found, step, loser, .directory, 0, attributes)
        case .putSymlink(let target, let attributes):
            var number: UInt64 = 0
            for (place, byte) in target.dropFirst().enumerated() { number |= UInt64(byte & 31) << (place * 5) }
            return replace(found, step, loser, .symlink, number, attributes)
        case .putFile: return replace(found, step, loser, .file, content!.content, content!.attributes)
        case .move, .exchange, .link: preconditionFailure("nothing is renamed or linked in memory")
        }
    }

    private mutating func replace(
        _ found: MemoryEntry?, _ step: PlannedStep, _ loser: Loser, _ kind: EntryKind, _ content: UInt64,
        _ attributes: Attributes
    ) -> Achieved {
        if let found {
            guard isExpected(found, step.expected) else { return .changedMeanwhile }
            let taken = take(found, loser, by: .removed)
            if taken != .removed { return taken }
        } else if step.expected != .absent {
            return .changedMeanwhile
        }
        inodes += 1
        let entry = MemoryEntry(
            path: step.path, kind: kind, content: content, mode: attributes.mode, mtime: attributes.mtime.seconds,
            inode: inodes, ctime: tick())
        insert(entry)
        return .done(entry.identity)
    }

    private func isExpected(_ found: MemoryEntry, _ expected: Expected) -> Bool {
        guard case .present(let kind, let identity, _, _) = expected, kind == found.kind else { return false }
        return kind == .directory ? identity.inode == found.inode : identity == found.identity
    }

    private mutating func set(_ path: TreePath, _ attributes: Attributes) -> Achieved {
        let index = index(of: path)!
        entries[index].mode = attributes.mode
        entries[index].mtime = attributes.mtime.seconds
        entries[index].ctime = tick()
        return .done(entries[index].identity)
    }

    private mutating func take(_ found: MemoryEntry, _ loser: Loser, by outcome: Achieved) -> Achieved {
        if found.isDirectory && (found.isIncomplete || holdsSomething(below: found.path)) { return .kept }
        entries.remove(at: index(of: found.path)!)
        switch loser {
        case .nowhere: break
        case .attic: if found.kind == .file { attic.append(found.content) }
        case .beside:
            var other = found
            other.path = TreePath(trusted: found.path.key + Array("~there".utf8))
            if !found.isDirectory { insert(other) }
        }
        return outcome
    }
}
