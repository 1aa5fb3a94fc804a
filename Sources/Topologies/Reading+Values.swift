import Core

/// Reading of paths, sizes and durations.
extension Findings {
    /// An absolute path or one beneath the home directory.
    mutating func pathValue(_ node: YAMLNode, _ what: String) -> PeerPath? {
        if case .scalar("~", isPlain: true) = node.content { return path(node, "~", what) }
        return text(node, what).flatMap { path(node, $0, what) }
    }

    mutating func path(_ node: YAMLNode, _ text: String, _ what: String, host: String? = nil) -> PeerPath? {
        do throws(PeerPath.Fault) {
            return try PeerPath(text)
        } catch {
            let (why, remedy) = Findings.explain(error, text, host: host)
            report(.badPath, at: node.span, "\(what) cannot be \(quoted(text)): \(why)", remedy: remedy)
            return nil
        }
    }

    private static func explain(_ fault: PeerPath.Fault, _ text: String, host: String?) -> (why: String, remedy: String)
    {
        let prefix = host.map { $0.contains(":") ? "[\($0)]:" : "\($0):" } ?? ""
        return switch fault {
        case .empty: ("it is empty", "write an absolute path, or one that starts with ~/")
        case .relative where text.hasPrefix("$"): ("variables are not expanded", "write the path out")
        case .relative where text.hasPrefix("\\"): ("that is no path of Linux", "write an absolute path, with `/`")
        case .relative
        where host != nil && text.prefix(while: { $0.isASCII && $0.isNumber }).count > 0 && text.contains(":"):
            ("a port has no place in it", "write {host: \(Printable.text(host ?? "")), port: …, path: /…}")
        case .relative where host == nil && text.contains("@"):
            ("it has no path", "write \(quoted("\(text):/path"))")
        case .relative:
            (
                "it is relative",
                "write an absolute path, or \(quoted("\(prefix)~/\(text)")) for one in the home directory"
            )
        case .wholeTree: ("that is the whole file system", "name a directory below it")
        case .wholeHome: ("that is the whole home directory", "name a directory below it")
        case .leavesHome: ("it leads out of the home directory", "write an absolute path")
        case .otherHome:
            ("only the home directory of the login is known", "write an absolute path, or one that starts with ~/")
        case .component(let name): ("\(quoted(name)) cannot be part of it", "use another directory")
        }
    }

    /// A path beneath the tree of a peer.
    mutating func beneath(_ node: YAMLNode, _ what: String) -> [[UInt8]]? {
        guard let text = text(node, what) else { return nil }
        if let components = PeerPath.beneath(text) { return components }
        report(
            .badPath, at: node.span,
            "\(what) cannot be \(quoted(text)): it does not name something below the peer's path",
            remedy: "write a relative path without `..`")
        return nil
    }

    /// `50MB/s`; the value itself is not needed by what is supported.
    mutating func checkRate(_ node: YAMLNode, _ what: String) {
        guard let text = text(node, what) else { return }
        if Findings.isQuantity(text, units: Words.rateUnits) { return }
        let _: String? = badValue(node, what, text, remedy: "write a number with a unit, as in 50MB/s")
    }

    /// `90s`, `10m`, `1h`.
    mutating func checkDuration(_ node: YAMLNode, _ what: String) {
        guard let text = text(node, what) else { return }
        if Findings.isQuantity(text, units: Words.durationUnits) { return }
        let _: String? = badValue(node, what, text, remedy: "write a number with a unit, as in 10s, 5m or 1h")
    }

    private static func isQuantity(_ text: String, units: [String]) -> Bool {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty } && number.utf8.count <= 18
            && units.contains(String(text.dropFirst(number.count)))
    }

    /// `50%` or a number of entries.
    mutating func maxDelete(_ node: YAMLNode, _ what: String) -> MaxDelete? {
        guard case .scalar(let text, _) = node.content, !node.isNull else {
            return wrongType(node, what, "a percentage or a number", remedy: "write for example 50% or 200")
        }
        let remedy = "write a percentage from 0% to 100%, or a number of entries"
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard !digits.hasPrefix("-"), Findings.isDecimal(String(digits)), let value = Int(digits) else {
            return badValue(node, what, text, remedy: remedy)
        }
        if !text.hasSuffix("%") { return .count(value) }
        return value <= 100 ? .percent(value) : badValue(node, what, text, remedy: remedy)
    }
}
