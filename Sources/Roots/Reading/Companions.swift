import Platform

/// What a process keeps for as long as it keeps its roots, and has to put away when it ends.
package protocol Companion: AnyObject, Sendable {
    func letGo()
}

/// By name, made when it is first asked for.
final class Companions: Sendable {
    private let kept = Monitor<[String: any Companion]>([:])

    func find<Kept: Companion>(_ name: String, _ make: () -> Kept) -> Kept {
        kept.update { kept in
            if let known = kept[name] as? Kept { return known }
            let made = make()
            kept[name] = made
            return made
        }
    }

    func letGo() {
        let all = kept.update { kept in
            defer { kept = [:] }
            return Array(kept.values)
        }
        for one in all { one.letGo() }
    }

    deinit { letGo() }
}

extension RootRegistry {
    /// What is kept beside these roots under a name; made where there is none.
    package func companion<Kept: Companion>(_ name: String, _ make: () -> Kept) -> Kept { companions.find(name, make) }

    /// Puts away all that is kept beside the roots: nothing uses them any more.
    package func letGo() { companions.letGo() }
}
