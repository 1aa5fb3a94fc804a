import Core

/// `SessionPolicy` within a `SessionRequest`.
extension ByteWriter {
    mutating func put(_ policy: SessionPolicy) {
        put(policy.delete.rawValue)
        put(policy.attic) { out, attic in
            switch attic {
            case .session: out.put([UInt8]())
            case .path(let path): out.put(path.key)
            }
        }
        put(policy.drift.rawValue)
        put(policy.mirror)
    }
}

extension ByteReader {
    /// - Throws: also for an attic that is no path beneath a root, and for `mirror` where nothing may be deleted.
    mutating func policy() throws(WireFault) -> SessionPolicy {
        guard let delete = SessionPolicy.Delete(rawValue: try text(atMost: 8, "delete")) else {
            throw WireFault("unknown word for delete")
        }
        let attic = try optional { (r) throws(WireFault) in try r.attic() }
        guard let drift = SessionPolicy.Drift(rawValue: try text(atMost: 8, "drift")) else {
            throw WireFault("unknown word for drift")
        }
        let mirror = try flag()
        if mirror && delete == .never { throw WireFault("mirror where nothing is to be deleted") }
        return SessionPolicy(delete: delete, attic: attic, drift: drift, mirror: mirror)
    }

    private mutating func attic() throws(WireFault) -> SessionPolicy.Attic {
        let key = try data(atMost: TreePath.bytesMax, "attic")
        if key.isEmpty { return .session }
        do { return .path(try TreePath(validating: key)) } catch { throw WireFault("no attic: \(error)") }
    }
}
