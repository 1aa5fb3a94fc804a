import Core

/// `renames`: what the source has renamed, step by step, ahead of all changes. The steps count as changes do.
package struct RenamesMessage: Hashable, Sendable {
    package static let stepsMax = 4096

    /// Nothing more is renamed: the changes follow.
    package var isLast: Bool
    package var firstIndex: Int
    package var steps: [RenameStep]

    package init(isLast: Bool, firstIndex: Int, steps: [RenameStep]) {
        (self.isLast, self.firstIndex, self.steps) = (isLast, firstIndex, steps)
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 16 + steps.count * 64)
        out.put(isLast)
        out.put(firstIndex)
        out.put(steps.count)
        var before: [UInt8] = []
        for step in steps {
            out.put(step.tag)
            out.put(path: step.path, after: before)
            before = step.path.key
            if case .directory(_, let attributes) = step {
                out.put(attributes)
            } else {
                out.put(path: step.from!, after: before)
            }
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        isLast = try input.flag()
        firstIndex = try input.int(atMost: 1 << 40, "change index")
        let count = try input.int(atMost: RenamesMessage.stepsMax, "number of renames")
        steps = []
        steps.reserveCapacity(count)
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for _ in 0..<count {
            let step = try input.renameStep(after: before, &room)
            room -= step.metadataBytes
            if room < 0 {
                throw WireFault("renames of more than \(ChangesMessage.expandedBytesMax) bytes in a message")
            }
            steps.append(step)
            before = step.path
        }
        try input.finish()
    }
}

extension RenameStep {
    fileprivate var tag: UInt8 {
        switch self {
        case .directory: 1
        case .move: 2
        case .exchange: 3
        case .copy: 4
        }
    }

    /// No fewer bytes than the step takes in a frame or expanded.
    package var bytesEstimate: Int {
        path.key.count + (from?.key.count ?? 0) + metadataBytes + ChangeRecord.overheadBytes
    }

    fileprivate var metadataBytes: Int {
        if case .directory(_, let attributes) = self { attributes.metadata?.bytes.count ?? 0 } else { 0 }
    }
}

extension ByteReader {
    fileprivate mutating func renameStep(after before: TreePath, _ room: inout Int) throws(WireFault) -> RenameStep {
        let tag = try byte()
        let path = try path(after: before, &room)
        if path.isRoot { throw WireFault("a rename to the root itself") }
        if tag == 1 {
            let attributes = try attributes()
            if attributes.kind != .directory { throw WireFault("a directory of another kind") }
            return .directory(path, attributes)
        }
        let from = try self.path(after: path, &room)
        if from.contains(path) || path.contains(from) { throw WireFault("a rename into what is renamed") }
        switch tag {
        case 2: return .move(from: from, to: path)
        case 3: return .exchange(path, from)
        case 4: return .copy(from: from, to: path)
        default: throw WireFault("rename step \(tag)")
        }
    }
}
