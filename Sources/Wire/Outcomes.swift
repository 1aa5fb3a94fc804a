import Core

/// `done`: this end has finished its part of the cycle; what it did and found.
package struct DoneMessage: Sendable {
    package var counts: CycleCounts
    /// The running sum and number of this end's agreed rows: all commits are recorded at both ends by now, so they are the other's, too.
    package var sum: Digest
    package var rows: Int64

    package init(counts: CycleCounts, sum: Digest, rows: Int64) {
        (self.counts, self.sum, self.rows) = (counts, sum, rows)
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(counts)
        out.put(sum)
        out.put(unsigned: UInt64(rows))
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        counts = try input.counts()
        sum = try input.digest()
        rows = Int64(try input.unsigned(atMost: 1 << 50, "rows"))
        try input.finish()
    }
}

/// `moved`: what an ordered session has moved so far.
package enum MovedMessage {
    package static func encoded(_ counts: CycleCounts) -> [UInt8] {
        var out = ByteWriter()
        out.put(counts)
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> CycleCounts {
        var input = ByteReader(payload)
        let counts = try input.counts()
        try input.finish()
        return counts
    }
}

/// `ping`: a sign of life, and whether this end could go on without the other.
package struct PingMessage: Hashable, Sendable {
    /// Nothing is left to do here until the other end sends something.
    package var isWaiting: Bool
    /// Frames of the other end, pings left out, that this end has taken.
    package var taken: UInt64

    package init(isWaiting: Bool, taken: UInt64) { (self.isWaiting, self.taken) = (isWaiting, taken) }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 12)
        out.put(isWaiting)
        out.put(unsigned: taken)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        isWaiting = try input.flag()
        taken = try input.unsigned(atMost: .max, "frames")
        try input.finish()
    }
}

/// `problem` (one path) and `failure` (the end of the cycle): an error of this end, for the other to show.
package enum ErrorMessage {
    package static func encoded(_ error: HeadwaterError) -> [UInt8] {
        var out = ByteWriter()
        out.put(error)
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> HeadwaterError {
        var input = ByteReader(payload)
        let error = try input.error()
        try input.finish()
        return error
    }
}

extension ByteWriter {
    package static let errorTextBytesMax = 4096

    mutating func put(_ counts: CycleCounts) {
        for value in [
            counts.files, counts.directories, counts.symlinks, counts.deleted, counts.renamed, counts.conflicts,
            counts.problems,
            min(counts.bytesPayload, CycleCounts.bytesMax), counts.untracked,
        ] { put(unsigned: value) }
    }

    package mutating func put(_ error: HeadwaterError) {
        put(bounded: error.code)
        put(bounded: error.message)
        put(bounded: error.remedy)
        put(error.exit.rawValue)
        put(error.isTransient)
        put(error.path) { $0.put($1.key) }
        put(error.cause) { $0.put(bounded: $1) }
        put(error.facts) { $0.put(bounded: $1) }
        put(error.peer) { $0.put(bounded: $1) }
    }

    /// Long texts are cut at a border of characters.
    mutating func put(bounded text: String) {
        var cut = text
        while cut.utf8.count > ByteWriter.errorTextBytesMax {
            cut = String(cut.unicodeScalars.prefix(ByteWriter.errorTextBytesMax / 4))
        }
        put(cut)
    }
}

extension ByteReader {
    mutating func counts() throws(WireFault) -> CycleCounts {
        var counts = CycleCounts()
        let bound = CycleCounts.entriesMax
        counts.files = try unsigned(atMost: bound, "files")
        counts.directories = try unsigned(atMost: bound, "directories")
        counts.symlinks = try unsigned(atMost: bound, "symlinks")
        counts.deleted = try unsigned(atMost: bound, "deletions")
        counts.renamed = try unsigned(atMost: bound, "renames")
        counts.conflicts = try unsigned(atMost: bound, "conflicts")
        counts.problems = try unsigned(atMost: bound, "problems")
        counts.bytesPayload = try unsigned(atMost: CycleCounts.bytesMax, "bytes")
        counts.untracked = try unsigned(atMost: bound, "untracked entries")
        return counts
    }

    package mutating func error() throws(WireFault) -> HeadwaterError {
        let bound = ByteWriter.errorTextBytesMax
        let code = try text(atMost: 64, "error code")
        guard
            code.utf8.allSatisfy({
                ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x2E || $0 == 0x2D || ($0 >= 0x30 && $0 <= 0x39)
            })
        else {
            throw WireFault("error code of odd characters")
        }
        var error = HeadwaterError(
            code, try text(atMost: bound, "error text"), remedy: try text(atMost: bound, "remedy"))
        guard let exit = ExitCode(rawValue: try byte()) else { throw WireFault("unknown exit code") }
        error.exit = exit
        error.isTransient = try flag()
        error.path = try optional { (r) throws(WireFault) in
            let key = try r.data(atMost: TreePath.bytesMax, "path")
            do { return try TreePath(validating: key) } catch { throw WireFault("not a path: \(error)") }
        }
        error.cause = try optional { (r) throws(WireFault) in try r.text(atMost: bound, "cause") }
        error.facts = try optional { (r) throws(WireFault) in try r.text(atMost: bound, "facts") }
        error.peer = try optional { (r) throws(WireFault) in try r.text(atMost: 64, "peer") }
        return error
    }
}
