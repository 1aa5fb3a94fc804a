import Core
import Reconciliation
import TestSupport
import Testing

/// Where entries stand while a plan calls them otherwise, against a model that renames them.
@Suite struct ForeseenNamesTests {
    private func path(_ slashed: String) -> TreePath { try! TreePath(slashed: slashed) }

    @Test func standing_leadsFromNewNamesToThoseOnTheDisk() {
        var names = ForeseenNames()
        #expect(names.standing(at: path("d/1")) == .at(path("d/1")))
        names.move(from: path("d"), to: path("z"), isDirectory: true)
        #expect(names.standing(at: path("z/1")) == .at(path("d/1")) && names.standing(at: path("d/1")) == .nowhere)
        names.make(path("d"))
        names.move(from: path("z/e/1"), to: path("d/1"), isDirectory: true)
        #expect(names.standing(at: path("d/1")) == .at(path("d/e/1")) && names.standing(at: path("d/2")) == .nowhere)
        #expect(
            names.standing(at: path("z/e/1")) == .nowhere && names.standing(at: path("z/e/2")) == .at(path("d/e/2")))
        names.move(from: path("z"), to: path("y"), isDirectory: true)
        #expect(
            names.standing(at: path("y/e/1")) == .nowhere && names.standing(at: path("y/e/2")) == .at(path("d/e/2")))
        names.exchange(path("y"), path("x"), areFiles: false)
        #expect(
            names.standing(at: path("x/e/2")) == .at(path("d/e/2")) && names.standing(at: path("y")) == .at(path("x")))
        #expect(names.standing(at: path("x/e/1")) == .nowhere && names.standing(at: path("d")) == .planned)
    }

    /// Random renames of a small tree whose entries bear the names that they have on the disk.
    @Test func standing_isThatOfATreeThatIsRenamed() {
        for seed in 0..<300 {
            var random = SeededRandom(seed: UInt64(seed))
            var tree: [TreePath: TreePath] = [:]
            for top in ["a", "b", "c"] {
                tree[path(top)] = path(top)
                for below in ["x", "y"] {
                    tree[path("\(top)/\(below)")] = path("\(top)/\(below)")
                    tree[path("\(top)/\(below)/f")] = path("\(top)/\(below)/f")
                }
            }
            let first = Set(tree.keys)
            var names = ForeseenNames()
            for step in 0..<8 {
                let all = tree.keys.sorted()
                let from = all[Int(random.next() % UInt64(all.count))]
                let other = all[Int(random.next() % UInt64(all.count))]
                let isApart = !from.contains(other) && !other.contains(from)
                if step % 3 == 2, isApart {
                    names.exchange(from, other, areFiles: false)
                    tree = tree.reduce(into: [:]) { moved, entry in
                        let key = entry.key
                        let new =
                            from.contains(key)
                            ? key.moved(from: from, to: other)
                            : other.contains(key) ? key.moved(from: other, to: from) : key
                        moved[new] = entry.value
                    }
                } else {
                    let to = path("n\(step)")
                    names.move(from: from, to: to, isDirectory: true)
                    tree = tree.reduce(into: [:]) { moved, entry in
                        moved[from.contains(entry.key) ? entry.key.moved(from: from, to: to) : entry.key] = entry.value
                    }
                }
                for (path, place) in tree { #expect(names.standing(at: path) == .at(place), "\(seed) \(step)") }
                for old in all where tree[old] == nil {
                    // Below a file there is nothing on the disk either.
                    if case .at(let place) = names.standing(at: old) {
                        #expect(!first.contains(place), "\(seed) \(step)")
                    }
                }
            }
        }
    }
}
