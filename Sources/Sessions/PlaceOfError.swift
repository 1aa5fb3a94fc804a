import Core
import Wire

extension HeadwaterError {
    /// What happens in a tree, a database or a stage; everything else belongs to the link or to the run.
    private static let areasOfAnEnd: Set<Substring> = ["apply", "halt", "root", "snapshot", "stage"]

    /// With the peer whose end this is about, where that is not known yet.
    ///
    /// Both ends judge the two databases at the start, and say by the known wording which one they mean.
    /// - Parameter isUpstream: whether the end that met the error is the upstream one.
    func placed(_ edge: EdgeIdentity, isUpstream: Bool) -> HeadwaterError {
        guard peer == nil, HeadwaterError.areasOfAnEnd.contains(code.prefix { $0 != "." }) else { return self }
        var isUpstream = isUpstream
        if exit == .databaseRefuses, message.hasPrefix("Failed. ") {
            isUpstream = edge.mode.isInitiated(atUpstream: true) != message.hasPrefix("Failed. Peer error: ")
        }
        var placed = self
        placed.peer = isUpstream ? edge.upstream : edge.downstream
        return placed
    }
}
