import Core

/// `order`: the orchestrator has an end open a session with another end, over a stream that it was lent.
package struct OrderMessage: Sendable {
    package var plan: SessionPlan
    /// The name under which the stream to the other end is lent; nil where the other end is in this process too.
    package var stream: String?

    package init(plan: SessionPlan, stream: String?) {
        self.plan = plan
        self.stream = stream
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(Version.protocolNumber)
        out.put(plan.request)
        out.put(plan.here)
        out.put(plan.there)
        out.put(plan.hereIsUpstream)
        out.put(stream) { $0.put($1) }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        let number = try input.int(atMost: 1 << 20, "protocol version")
        guard number == Version.protocolNumber else { throw WireFault("an order of protocol \(number)") }
        plan = SessionPlan(
            request: try input.sessionRequest(), here: try input.endRequest(), there: try input.endRequest(),
            hereIsUpstream: try input.flag())
        stream = try input.optional { (r) throws(WireFault) in try r.text(atMost: 64, "stream") }
        try input.finish()
    }
}

/// `progress`: how far an ordered session is.
package enum ProgressMessage {
    private static let phases: [Progress.Phase] = [.connecting, .scanning, .transferring, .recording]

    package static func encoded(_ progress: Progress) -> [UInt8] {
        var out = ByteWriter()
        out.put(UInt8(phases.firstIndex(of: progress.phase)!))
        out.put(progress.entriesDone)
        out.put(progress.entriesTotal)
        // Sparse files can claim more than any disk holds.
        out.put(unsigned: min(progress.bytesDone, CycleCounts.bytesMax))
        out.put(unsigned: min(progress.bytesTotal, CycleCounts.bytesMax))
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> Progress {
        var input = ByteReader(payload)
        let phase = Int(try input.byte())
        guard phases.indices.contains(phase) else { throw WireFault("unknown phase") }
        var progress = Progress(phase: phases[phase])
        progress.entriesDone = try input.int(atMost: 1 << 50, "entries")
        progress.entriesTotal = try input.int(atMost: 1 << 50, "entries")
        progress.bytesDone = try input.unsigned(atMost: CycleCounts.bytesMax, "bytes")
        progress.bytesTotal = try input.unsigned(atMost: CycleCounts.bytesMax, "bytes")
        try input.finish()
        return progress
    }
}

/// `outcome`: what an ordered session did.
package struct OutcomeMessage: Sendable {
    package var counts: CycleCounts
    package var bytesSent: UInt64
    package var bytesReceived: UInt64
    package var wasCancelled: Bool
    package var position: SessionPosition?

    package init(
        counts: CycleCounts, bytesSent: UInt64, bytesReceived: UInt64, wasCancelled: Bool,
        position: SessionPosition? = nil
    ) {
        self.position = position
        self.counts = counts
        self.bytesSent = bytesSent
        self.bytesReceived = bytesReceived
        self.wasCancelled = wasCancelled
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(counts)
        out.put(unsigned: bytesSent)
        out.put(unsigned: bytesReceived)
        out.put(wasCancelled)
        out.put(position) {
            $0.put($1.id)
            $0.put(unsigned: UInt64(clamping: $1.upstream))
            $0.put(unsigned: UInt64(clamping: $1.downstream))
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        counts = try input.counts()
        bytesSent = try input.unsigned(atMost: CycleCounts.bytesMax, "bytes")
        bytesReceived = try input.unsigned(atMost: CycleCounts.bytesMax, "bytes")
        wasCancelled = try input.flag()
        position = try input.optional { (r) throws(WireFault) in
            SessionPosition(
                id: try r.digest(), upstream: Int64(try r.unsigned(atMost: 1 << 60, "commit number")),
                downstream: Int64(try r.unsigned(atMost: 1 << 60, "commit number")))
        }
        try input.finish()
    }
}

/// `detail`: a line for who wants to know more.
package enum DetailMessage {
    package static func encoded(_ text: String) -> [UInt8] {
        var out = ByteWriter()
        out.put(bounded: text)
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> String {
        var input = ByteReader(payload)
        let text = try input.text(atMost: ByteWriter.errorTextBytesMax, "detail")
        try input.finish()
        return text
    }
}
