import Core

/// A tree as the tables of outcomes speak of it: what stands where, without times and modes.
package indirect enum Node: Hashable, Sendable {
    case absent
    case file(UInt64)
    case link(UInt64)
    case directory([Int: Node])

    /// The same without what is below.
    var shallow: Node { children == nil ? self : .directory([:]) }

    var children: [Int: Node]? {
        if case .directory(let children) = self { return children }
        return nil
    }

    func child(_ name: Int) -> Node { children?[name] ?? .absent }
}

/// What the table of outcomes of bidi demands of three trees, written down anew from the table: the oracle of the small trees.
package enum Spec {
    package struct Outcome: Hashable, Sendable {
        package var up: Node
        package var down: Node
        package var conflicts = 0
    }

    package static func bidi(_ agreed: Node, _ up: Node, _ down: Node) -> Outcome {
        if up.shallow == down.shallow {
            return up.children == nil ? Outcome(up: up, down: down) : inside(agreed, up, down)
        }
        if up.shallow == agreed.shallow { return oneSided(agreed, kept: up, changed: down) }
        if down.shallow == agreed.shallow {
            let found = oneSided(agreed, kept: down, changed: up)
            return Outcome(up: found.down, down: found.up, conflicts: found.conflicts)
        }
        return Outcome(up: up, down: down, conflicts: 1)
    }

    /// Only one side changed the path itself; returns the side that did not as `up`.
    private static func oneSided(_ agreed: Node, kept: Node, changed: Node) -> Outcome {
        guard kept.children != nil else { return Outcome(up: changed, down: changed) }
        if changed == .absent { return inside(agreed, kept, changed) }
        // Another kind in place of a directory needs all below it to be as agreed, or deleted.
        return hasNews(kept, since: agreed)
            ? Outcome(up: kept, down: changed, conflicts: 1) : Outcome(up: changed, down: changed)
    }

    private static func hasNews(_ node: Node, since agreed: Node) -> Bool {
        (node.children ?? [:]).contains { name, child in
            child.shallow != agreed.child(name).shallow || hasNews(child, since: agreed.child(name))
        }
    }

    /// Child by child. Where one side deleted the directory it comes back there for what is new in it, and goes where nothing is left.
    private static func inside(_ agreed: Node, _ up: Node, _ down: Node) -> Outcome {
        let names = Set((up.children ?? [:]).keys).union((down.children ?? [:]).keys)
        var (above, below): ([Int: Node], [Int: Node]) = ([:], [:])
        var conflicts = 0
        for name in names {
            let found = bidi(agreed.child(name), up.child(name), down.child(name))
            if found.up != .absent { above[name] = found.up }
            if found.down != .absent { below[name] = found.down }
            conflicts += found.conflicts
        }
        let isDeleted = up == .absent || down == .absent
        return Outcome(
            up: isDeleted && above.isEmpty ? .absent : .directory(above),
            down: isDeleted && below.isEmpty ? .absent : .directory(below), conflicts: conflicts)
    }

    /// What a push with the defaults leaves at the target, and whether a problem is told.
    package static func push(_ agreed: Node, _ source: Node, _ target: Node) -> (target: Node, hasProblem: Bool) {
        switch (source.children, target.children) {
        case (nil, nil):
            // What was never the source's stays; what it deleted goes, whatever stands there by now.
            if source == .absent && agreed == .absent { return (target, false) }
            return (source, false)
        case (_?, _):
            var (below, hasProblem): ([Int: Node], Bool) = ([:], false)
            let names = Set(source.children!.keys).union((target.children ?? [:]).keys)
            for name in names {
                let found = push(agreed.child(name), source.child(name), target.child(name))
                if found.target != .absent { below[name] = found.target }
                hasProblem = hasProblem || found.hasProblem
            }
            return (.directory(below), hasProblem)
        case (nil, let own?):
            var left: [Int: Node] = [:]
            for (name, child) in own {
                let found = push(agreed.child(name), .absent, child).target
                if found != .absent { left[name] = found }
            }
            let isOurs = agreed != .absent || source != .absent
            if left.isEmpty && isOurs { return (source, false) }
            return (.directory(left), source != .absent)
        }
    }
}
