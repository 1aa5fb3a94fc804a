import Core

/// `survey`: where the peers of a run really are on an agent's host, asked before any of its sessions begins.
package enum SurveyMessage {
    package static let pathsMax = 16_384

    /// - Parameter paths: absolute or beginning `~/`; at most `pathsMax`.
    package static func encoded(_ paths: [String]) -> [UInt8] {
        var out = ByteWriter()
        out.put(paths.count)
        for path in paths { out.put(path) }
        return out.bytes
    }

    package static func decode(_ payload: [UInt8]) throws(WireFault) -> [String] {
        var input = ByteReader(payload)
        var paths: [String] = []
        for _ in 0..<(try input.int(atMost: pathsMax, "paths")) {
            paths.append(try input.text(atMost: Hello.textBytesMax, "path"))
        }
        try input.finish()
        return paths
    }
}

/// `surveyed`: what each path is, in the order of the survey; nil for what cannot be found.
package struct SurveyReply: Sendable {
    package struct Place: Hashable, Sendable {
        package var device: String
        package var path: [[UInt8]]

        package init(device: String, path: [[UInt8]]) {
            self.device = device
            self.path = path
        }
    }

    package var boot: String
    package var places: [Place?]

    package init(boot: String, places: [Place?]) {
        self.boot = boot
        self.places = places
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(boot)
        out.put(places.count)
        for place in places {
            out.put(place) { out, place in
                out.put(place.device)
                out.put(place.path.count)
                for component in place.path { out.put(component) }
            }
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        boot = try input.text(atMost: 64, "boot")
        places = []
        for _ in 0..<(try input.int(atMost: SurveyMessage.pathsMax, "places")) {
            places.append(
                try input.optional { (r) throws(WireFault) in
                    let device = try r.text(atMost: 64, "device")
                    var path: [[UInt8]] = []
                    for _ in 0..<(try r.int(atMost: TreePath.bytesMax / 2, "components")) {
                        path.append(Array(try r.data(atMost: 255, "component")))
                    }
                    return Place(device: device, path: path)
                })
        }
        try input.finish()
    }
}
