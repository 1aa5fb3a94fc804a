/// The conflicts of one edge, as the databases of this machine have them.
package struct EdgeConflicts: Sendable {
    package var edge: EdgeIdentity
    /// In the order of their paths.
    package var conflicts: [Conflict] = []
    /// Why they are not known here.
    package var error: HeadwaterError?
    /// Neither end is on this machine.
    package var isElsewhere = false

    package init(edge: EdgeIdentity) { self.edge = edge }

    /// What `conflicts` exits with for this edge.
    package var exit: ExitCode { error?.exit ?? (conflicts.isEmpty ? .inStep : .conflicts) }
}

extension Conflict {
    /// What happened, in few words: upstream first.
    package var kind: Kind {
        switch (upstream, downstream) {
        case (nil, _): .deletedChanged
        case (_, nil): .changedDeleted
        case (let up?, let down?):
            up.attributes.kind != down.attributes.kind
                ? .types : ancestor == nil ? .createdCreated : .changedChanged
        }
    }

    /// Raw values are those of `conflicts --json`.
    package enum Kind: String, Sendable, CaseIterable {
        case changedChanged = "changed/changed"
        case changedDeleted = "changed/deleted"
        case deletedChanged = "deleted/changed"
        case createdCreated = "created/created"
        /// Of different types, created or changed to be so.
        case types = "type/type"
    }
}
