import Core
import Glibc

/// From a topology file to a topology, or to everything that is wrong with it.
package enum TopologyFile {
    /// Reads a file. Blocks for the disk, but not for a pipe or a device, which are refused.
    ///
    /// Never throws: a file that cannot be read is a diagnostic too. `topology` is nil exactly if a diagnostic is an error.
    ///
    /// - Parameters:
    ///   - mayBePipe: whether a pipe is read to its end as well, as `diff <(git show …)` needs.
    ///   - namedAfter: the file whose name the topology has by default; `path` if nil.
    package static func load(path: String, mayBePipe: Bool = false, namedAfter: String? = nil)
        -> (topology: Topology?, diagnostics: [Diagnostic])
    {
        do throws(BoundedFile.Fault) {
            let bytes = try BoundedFile.read(path, bytesMax: YAMLDocument.bytesMax, mayBePipe: mayBePipe)
            return load(bytes: bytes, name: path, namedAfter: namedAfter)
        } catch {
            return (nil, [unreadable(path, error)])
        }
    }

    /// The same from bytes; `name` is what stands in diagnostics, and gives the topology its default name. Filter files are read.
    package static func load(bytes: [UInt8], name: String, namedAfter: String? = nil)
        -> (topology: Topology?, diagnostics: [Diagnostic])
    {
        if bytes.count > YAMLDocument.bytesMax { return (nil, [unreadable(name, .tooLarge)]) }
        var diagnostics: [Diagnostic] = []
        guard let source = SourceCheck.utf8(bytes, name: name, namedAfter: namedAfter, &diagnostics) else {
            return (nil, diagnostics)
        }
        var findings = Findings(source: source)
        var topology: Topology?
        if let root = YAMLDocument.parse(&findings), let draft = TopologyReader.read(root, &findings) {
            let flows = GraphRules.check(draft, &findings)
            if !findings.hasErrors { topology = Topology(draft, source, flows) }
        }
        return (topology, findings.sorted())
    }

    private static func unreadable(_ path: String, _ fault: BoundedFile.Fault) -> Diagnostic {
        let (rule, message, remedy): (Rule, String, String) =
            switch fault {
            case .tooLarge:
                (
                    .tooLarge, "the file is larger than 1 MiB",
                    "check that this is a topology file, or split it into several"
                )
            case .notAFile: (.unreadable, "this is not a regular file", "name a topology file")
            case .system(let code):
                (
                    .unreadable, "the file cannot be read: \(String(cString: strerror(code)))",
                    code == ENOENT ? "check the name, or create the file" : "make the file readable"
                )
            }
        return Diagnostic(rule: rule, message: message, remedy: remedy, file: path, span: .start, text: "")
    }
}

extension Topology {
    /// From a draft in which no rule is broken.
    fileprivate init(_ draft: Draft, _ source: SourceFile, _ flows: FlowMap) {
        let peers = draft.peers.map {
            Peer(
                name: $0.name, host: $0.host, path: $0.path!.text, database: $0.database?.text, mount: $0.mount,
                line: $0.nameSpan.line)
        }
        let edges = draft.edges.map {
            Edge(
                upstream: $0.upstream, downstream: $0.downstream, mode: $0.mode, session: SessionName.of($0, in: draft),
                subpath: $0.settings.subpath.map(PeerPath.text), maxDelete: $0.settings.maxDelete ?? .standard,
                filter: $0.settings.filter, policy: $0.settings.policy, line: $0.span.line)
        }
        self.init(
            name: draft.name, file: source.name, peers: peers, edges: edges, flows: flows, draft: draft, source: source)
    }
}
