import Core

/// Where a peer's directory really is: names of one machine, symlinks and bind mounts seen through.
package struct RealPlace: Hashable, Sendable {
    /// Tells machines and their file systems apart.
    package var machine: String
    /// Components within it.
    package var path: [[UInt8]]

    package init(machine: String, path: [[UInt8]]) {
        self.machine = machine
        self.path = path
    }
}

extension Topology {
    /// What the rules about loops and writers find when the peers are taken where they really are, but not in the text.
    ///
    /// - Parameter places: by index of the peer; peers that are not in it are taken as written, apart from those that are.
    package func hiddenFaults(_ places: [Int: RealPlace]) -> [Diagnostic] {
        var real = draft
        for (index, place) in places {
            // No such name can stand in a file.
            real.peers[index].host = HostReference(host: " " + place.machine)
            real.peers[index].path = PeerPath(realComponents: place.path)
        }
        var findings = Findings(source: source)
        let map = FlowMap(real)
        for loop in LoopRule(map).loops() { GraphRules.report(loop, map, real, &findings) }
        for clash in WriterRule.clashes(map, real) { GraphRules.report(clash, map, real, &findings) }
        return findings.sorted().map { diagnostic in
            var hidden = diagnostic
            hidden.message = "on the machines as they are, \(diagnostic.message)"
            return hidden
        }
    }
}
