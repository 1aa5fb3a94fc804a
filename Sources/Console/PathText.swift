import Core

/// What `explain FILE PEER PATH` says.
package enum PathText {
    package static func lines(_ explanation: PathExplanation) -> [StyledLine] {
        var head = StyledLine("\(explanation.path) at \(explanation.peer)", .bold)
        head.add("  \(explanation.place)", .dim)
        if explanation.edges.isEmpty { return [head, StyledLine("  no edge touches this peer")] }
        return [head] + explanation.edges.flatMap { lines($0, explanation) }
    }

    private static func lines(_ use: EdgeUse, _ explanation: PathExplanation) -> [StyledLine] {
        var line = StyledLine("  \(use.edge.label)", .cyan)
        line.add("  \(use.edge.session), \(use.edge.mode.rawValue): ", .dim)
        line.add(words(use))
        return [line] + use.records.map(record)
    }

    private static func words(_ use: EdgeUse) -> String {
        let subpath = use.subpath.map { "`subpath: \(Printable.text($0))`" } ?? "the whole tree"
        switch use.verdict {
        case .taken(let inside):
            let through = use.subpath == nil ? "" : ", through \(subpath), there as \(inside)"
            switch use.role {
            case .reads: return "read, goes to \(use.other)\(through)"
            case .writes: return "written, comes from \(use.other)\(through)"
            case .both: return "kept in step with \(use.other), both ways\(through)"
            }
        case .outside: return "untouched: outside \(subpath)"
        case .above: return "untouched itself: only what lies in \(subpath) below it"
        case .reserved: return "never synced: it is Headwater's own"
        case .mark(let peer): return "never synced: `mount` of \(peer), it shows that \(peer) is mounted"
        }
    }

    private static func record(_ record: EdgeUse.Record) -> StyledLine {
        var line = StyledLine("    snapshot at \(record.peer): ", .dim)
        switch record.answer {
        case .none: line.add("no database")
        case .unknown: line.add("nothing known of it")
        case .refused(let error): line.add("refused [\(error.code)]: \(Printable.text(error.message))", .red)
        case .known(let path):
            let kind = path.attributes.kind
            line.add(path.status, path.status == "CONFLICT" ? .yellow : .green)
            let size = kind == .file ? ", \(path.attributes.size) bytes" : ""
            line.add(" \(kind.name)\(size), \(LogFile.timestamp(path.attributes.mtime)), since commit \(path.number)")
        }
        return line
    }
}
