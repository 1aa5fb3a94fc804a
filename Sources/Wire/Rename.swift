import Core

/// `rename`: one end of a session is to get another name, or to say whether it could.
package enum RenameMessage {
    package static func encoded(_ request: RenameRequest) -> [UInt8] {
        var out = ByteWriter()
        out.put(request.path)
        out.put(request.database) { $0.put($1) }
        for session in [request.old, request.new] { out.put(session) }
        out.put(request.isTrial)
        out.put(request.owner)
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> RenameRequest {
        var input = ByteReader(payload)
        let path = try input.text(atMost: Hello.textBytesMax, "path")
        let database = try input.optional { (r) throws(WireFault) in
            try r.text(atMost: Hello.textBytesMax, "database")
        }
        let request = RenameRequest(
            path: path, database: database, old: try input.sessionName(), new: try input.sessionName(),
            isTrial: try input.flag(), owner: try input.text(atMost: Hello.textBytesMax, "owner"))
        try input.finish()
        if request.old == request.new { throw WireFault("a session renamed to itself") }
        return request
    }
}

extension RenameReply {
    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(standing.rawValue)
        out.put(id) { $0.put($1) }
        out.put(file)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        guard let standing = Standing(rawValue: try input.byte()) else { throw WireFault("unknown standing") }
        let id = try input.optional { (r) throws(WireFault) in try r.digest() }
        guard (id == nil) == (standing == .none) else { throw WireFault("a standing without its snapshot") }
        self.init(standing: standing, id: id, file: try input.text(atMost: Hello.textBytesMax, "file"))
        try input.finish()
    }
}
