import Core
import Reconciliation
import Testing

/// Which renames can be done, and in which order.
@Suite struct RenamesTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        /// What is agreed; a directory ends with `/`.
        let rows: [String]
        /// `old>new`; a directory ends with `/`.
        let found: [String]
        let steps: [String]
        var waiting: [String] = []
        var dropped: [String] = []
        /// What the source has new directories at.
        var made: [String] = []
        var copies = false
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "free name", rows: ["x"], found: ["x>z"], steps: ["x>z"]),
        Case(name: "name that stays taken", rows: ["x", "z"], found: ["x>z"], steps: [], dropped: ["x>z"]),
        Case(name: "chain", rows: ["a", "b"], found: ["a>b", "b>c"], steps: ["b>c", "a>b"]),
        Case(
            name: "long chain, in whatever order", rows: ["a", "b", "c", "d"], found: ["d>e", "a>b", "c>d", "b>c"],
            steps: ["d>e", "c>d", "b>c", "a>b"]),
        Case(
            name: "chain that ends at a taken name", rows: ["a", "b", "c"], found: ["a>b", "b>c"], steps: [],
            dropped: ["b>c", "a>b"]),
        Case(name: "swap", rows: ["a", "b"], found: ["a>b", "b>a"], steps: ["b<>a"]),
        Case(
            name: "cycle of four", rows: ["a", "b", "c", "d"], found: ["a>b", "b>c", "c>d", "d>a"],
            steps: ["d<>a", "d<>b", "d<>c"]),
        Case(
            name: "two swaps and a chain", rows: ["a", "b", "c", "d", "e"],
            found: ["a>b", "b>a", "c>d", "d>c", "e>f"], steps: ["b<>a", "d<>c", "e>f"]),
        Case(
            name: "into new directories, each made once", rows: ["x", "y"], found: ["x>n/m/x", "y>n/y"],
            steps: ["n/+", "n/m/+", "x>n/m/x", "y>n/y"], made: ["n", "n/m"]),
        Case(
            name: "into a directory that is there", rows: ["d/", "x"], found: ["x>d/x"], steps: ["x>d/x"]),
        Case(
            name: "into what was a file", rows: ["d", "x"], found: ["x>d/x"], steps: [], dropped: ["x>d/x"], made: ["d"]
        ),
        Case(
            name: "into the new directory of the name of a renamed file", rows: ["d", "x"], found: ["d>e", "x>d/x"],
            steps: ["d>e"], waiting: ["x>d/x"], made: ["d"]),
        Case(name: "directory", rows: ["d/", "d/x"], found: ["d/>e/"], steps: ["d>e"]),
        Case(
            name: "out of a renamed directory", rows: ["d/", "d/x"], found: ["d/>e/", "d/x>y"], steps: ["d>e"],
            waiting: ["d/x>y"]),
        Case(
            name: "into a renamed directory", rows: ["d/", "x"], found: ["d/>e/", "x>e/x"], steps: ["d>e"],
            waiting: ["x>e/x"]),
        Case(
            name: "into the new directory of the name of a renamed one", rows: ["d/", "x"], found: ["d/>e/", "x>d/x"],
            steps: ["d>e"], waiting: ["x>d/x"], made: ["d"]),
        Case(
            name: "directory into a new one of its own name", rows: ["d/"], found: ["d/>d/e/"], steps: [],
            waiting: ["d/>d/e/"], made: ["d"]),
        Case(
            name: "a directory and a file change names", rows: ["d/", "x"], found: ["d/>x/", "x>d"], steps: ["x<>d"]),
        Case(
            name: "what was in a directory whose name another one takes", rows: ["a/", "a/x", "d/"],
            found: ["a/x>y", "d/>a/"], steps: ["a/x>y"], dropped: ["d/>a/"]),
        Case(
            name: "copies: only files, to free names", rows: ["a", "b", "d/"], found: ["a>b", "b>c", "d/>e/"],
            steps: ["b=c"], dropped: ["a>b"], copies: true),
    ]

    private static func path(_ text: Substring) -> TreePath {
        try! TreePath(slashed: String(text.hasSuffix("/") ? text.dropLast() : text))
    }

    private static func rename(_ text: String) -> FoundRename {
        let parts = text.split(separator: ">")
        return FoundRename(from: path(parts[0]), to: path(parts[1]), isDirectory: parts[1].hasSuffix("/"))
    }

    private static func text(_ step: RenameStep) -> String {
        switch step {
        case .directory(let path, _): "\(path)/+"
        case .move(let from, let to): "\(from)>\(to)"
        case .exchange(let path, let other): "\(path)<>\(other)"
        case .copy(let from, let to): "\(from)=\(to)"
        }
    }

    @Test(arguments: cases)
    func order(one: Case) {
        let made = Set(one.made.map { Self.path($0[...]) })
        let rows = Dictionary(
            uniqueKeysWithValues: one.rows.map { (Self.path($0[...]), $0.hasSuffix("/") ? EntryKind.directory : .file) }
        )
        // The result does not depend on the order in which they were found.
        for found in [one.found, one.found.reversed()] {
            let round = Renames.round(
                found.map(Self.rename), kind: { rows[$0] },
                directory: { made.contains($0) ? .directory($0, attributes(.directory, size: 0)) : nil },
                copies: one.copies)
            #expect(round.steps.map(Self.text) == one.steps)
            #expect(Set(round.waiting) == Set(one.waiting.map(Self.rename)))
            #expect(Set(round.dropped) == Set(one.dropped.map(Self.rename)))
        }
    }

    private func known(birth: Int64, mtime: Int64 = 1, inode: UInt64 = 5) -> LocalIdentity {
        LocalIdentity(
            device: 1, inode: inode, birth: Timestamp(seconds: birth, nanoseconds: 0),
            mtime: Timestamp(seconds: mtime, nanoseconds: 0), ctime: Timestamp(seconds: 9, nanoseconds: 9))
    }

    private func attributes(_ kind: EntryKind, size: UInt64 = 3) -> Attributes {
        Attributes(kind: kind, mode: 0o644, size: size, mtime: .zero)
    }

    @Test func sameEntry_isToldByInodeAndBirth_orBySizeAndTime() {
        let file = attributes(.file)
        #expect(Renames.isSame(file, known(birth: 7), as: attributes(.file, size: 99), known(birth: 7, mtime: 2)))
        #expect(!Renames.isSame(file, known(birth: 7), as: file, known(birth: 8)), "the inode number was used again")
        #expect(!Renames.isSame(file, known(birth: 7), as: file, known(birth: 7, inode: 6)))
        #expect(!Renames.isSame(file, known(birth: 7), as: attributes(.symlink), known(birth: 7)))
        #expect(Renames.isSame(file, known(birth: 0), as: file, known(birth: 0)))
        #expect(!Renames.isSame(file, known(birth: 0), as: attributes(.file, size: 4), known(birth: 0)))
        #expect(!Renames.isSame(file, known(birth: 0), as: file, known(birth: 0, mtime: 2)))
        let directory = attributes(.directory, size: 0)
        #expect(Renames.isSame(directory, known(birth: 7), as: directory, known(birth: 7, mtime: 2)))
        #expect(!Renames.isSame(directory, known(birth: 0), as: directory, known(birth: 0)))
    }
}
