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
        put(policy.overwrite) { $0.put($1.rawValue) }
        put(policy.symlinks.rawValue)
        put(policy.preserve.rawValue)
    }

    mutating func put(_ resolutions: [Resolution]) {
        put(resolutions.count)
        for one in resolutions {
            put(one.pattern)
            put(one.keep.rawValue)
        }
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
        let overwrite = try optional { (r) throws(WireFault) in try r.overwrite() }
        guard let symlinks = SessionPolicy.Symlinks(rawValue: try text(atMost: 8, "symlinks")) else {
            throw WireFault("unknown word for symlinks")
        }
        return SessionPolicy(
            delete: delete, attic: attic, drift: drift, mirror: mirror, overwrite: overwrite, symlinks: symlinks,
            preserve: try preservation())
    }

    private mutating func preservation() throws(WireFault) -> Preservation {
        let preserve = Preservation(rawValue: try byte())
        if !preserve.isSubset(of: .all) { throw WireFault("unknown item to preserve") }
        return preserve
    }

    private mutating func overwrite() throws(WireFault) -> SessionPolicy.Overwrite {
        guard let word = SessionPolicy.Overwrite(rawValue: try text(atMost: 8, "overwrite")) else {
            throw WireFault("unknown word for overwrite")
        }
        return word
    }

    /// Patterns are compiled by who uses them.
    mutating func resolutions() throws(WireFault) -> [Resolution] {
        var resolutions: [Resolution] = []
        for _ in 0..<(try int(atMost: Resolution.countMax, "resolutions")) {
            let pattern = Array(try data(atMost: Resolution.patternBytesMax, "pattern"))
            guard let keep = Keep(rawValue: try text(atMost: 16, "side")) else { throw WireFault("unknown side") }
            resolutions.append(Resolution(pattern: pattern, keep: keep))
        }
        return resolutions
    }

    private mutating func attic() throws(WireFault) -> SessionPolicy.Attic {
        let key = try data(atMost: TreePath.bytesMax, "attic")
        if key.isEmpty { return .session }
        do { return .path(try TreePath(validating: key)) } catch { throw WireFault("no attic: \(error)") }
    }
}
