import Core

/// `planned`: steps that a target foresees, in a session that only plans.
package struct PlannedMessage: Sendable {
    package static let stepsMax = 4096
    /// A target sends steps until a frame holds this many bytes.
    package static let bytesTarget = 256 * 1024

    package var steps: [ForeseenStep]
    /// Paths that are only recorded or forgotten, beside the steps.
    package var recorded: UInt64

    package init(steps: [ForeseenStep], recorded: UInt64 = 0) { (self.steps, self.recorded) = (steps, recorded) }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 64 + steps.count * 96)
        out.put(unsigned: recorded)
        out.put(steps.count)
        var before: [UInt8] = []
        for step in steps {
            out.put(step.action.rawValue)
            out.put(path: step.path, after: before)
            before = step.path.key
            out.put(step.isUpward)
            out.put(step.before) { $0.put($1) }
            out.put(step.after) { $0.put($1) }
            out.put(step.from) { $0.put($1.key) }
            out.put(unsigned: min(step.bytes, CycleCounts.bytesMax))
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        recorded = try input.unsigned(atMost: CycleCounts.entriesMax, "recorded paths")
        steps = []
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for _ in 0..<(try input.int(atMost: PlannedMessage.stepsMax, "number of steps")) {
            let step = try input.step(after: before, &room)
            before = step.path
            steps.append(step)
        }
        try input.finish()
    }
}

/// `promised`: in a session that only plans, in the place of content: what a file is, so that it could be sent.
package struct PromisedMessage: Sendable {
    package struct File: Hashable, Sendable {
        package var index: Int
        package var attributes: Attributes
        /// Nil where nothing asked for it to be read.
        package var digest: Digest?

        package init(index: Int, attributes: Attributes, digest: Digest?) {
            (self.index, self.attributes, self.digest) = (index, attributes, digest)
        }
    }

    package var files: [File]

    package init(files: [File]) { self.files = files }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(files.count)
        for file in files {
            out.put(file.index)
            out.put(withoutMetadata: file.attributes)
            out.put(file.digest) { $0.put($1) }
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        files = []
        for _ in 0..<(try input.int(atMost: ChangesMessage.recordsMax, "number of files")) {
            let index = try input.int(atMost: 1 << 40, "change index")
            let attributes = try input.contentAttributes()
            files.append(
                File(
                    index: index, attributes: attributes,
                    digest: try input.optional { (r) throws(WireFault) in try r.digest() }))
        }
        try input.finish()
    }
}

extension ByteWriter {
    fileprivate mutating func put(_ side: ForeseenStep.Side) {
        put(side.attributes)
        put(side.changedAt) { $0.put($1) }
        put(side.digest) { $0.put($1) }
    }
}

extension ByteReader {
    fileprivate mutating func step(after before: TreePath, _ room: inout Int) throws(WireFault) -> ForeseenStep {
        guard let action = ForeseenStep.Action(rawValue: try byte()) else { throw WireFault("unknown kind of step") }
        let path = try path(after: before, &room)
        if path.isRoot { throw WireFault("a step at the root itself") }
        let isUpward = try flag()
        let standing = try optional { (r) throws(WireFault) in try r.side() }
        let after = try optional { (r) throws(WireFault) in try r.side() }
        let from = try optional { (r) throws(WireFault) in
            let key = try r.data(atMost: TreePath.bytesMax, "path")
            do { return try TreePath(validating: key) } catch { throw WireFault("not a path: \(error)") }
        }
        if (action == .rename) != (from != nil) { throw WireFault("a rename from nowhere") }
        return ForeseenStep(
            action, path, isUpward: isUpward, before: standing, after: after, from: from,
            bytes: try unsigned(atMost: CycleCounts.bytesMax, "bytes"))
    }

    private mutating func side() throws(WireFault) -> ForeseenStep.Side {
        ForeseenStep.Side(
            try attributes(), changedAt: try optional { (r) throws(WireFault) in try r.time() },
            digest: try optional { (r) throws(WireFault) in try r.digest() })
    }
}
