import Core
import Testing

@Suite struct TreePathTests {
    /// A directory comes right before what is below it, whatever bytes follow in its siblings' names.
    @Test func keyOrderIsScanOrder() throws {
        let inOrder = ["a", "a/b", "a/b/c", "a/c", "a ", "a!", "a-b", "a.b", "aa", "b"].map {
            try! TreePath(slashed: $0)
        }
        #expect(inOrder.shuffled().sorted() == inOrder)
    }

    @Test func containsIsByComponent() throws {
        let a = try TreePath(slashed: "a")
        #expect(a.contains(try TreePath(slashed: "a/b")))
        #expect(a.contains(a))
        #expect(!a.contains(try TreePath(slashed: "ab")))
        #expect(TreePath.root.contains(a))
        #expect(!a.contains(.root))
    }

    @Test func parentAndName() throws {
        let path = try TreePath(slashed: "a/b/c")
        #expect(path.parent == (try TreePath(slashed: "a/b")))
        #expect(Array(path.name) == Array("c".utf8))
        #expect(path.parent.parent.parent == .root && TreePath.root.parent == .root)
        #expect(path.parent.appending(path.name) == path)
    }

    @Test func shownPathsHoldNothingThatATerminalObeys() {
        let path = TreePath(trusted: [0x61, 0x1B, 0x5B, 0, 0xFF, 0x0A, 0x5C] + Array("ö\u{202E}".utf8))
        #expect(path.description == "a\\x1b[/\\xff\\x0a\\\\ö\\u{202e}")
    }
}

@Suite struct ExitCodeTests {
    @Test func theMostSevereWins() {
        #expect(ExitCode.worst([.problems, .unreachable, .inStep]) == .unreachable)
        #expect(ExitCode.worst([.edgeFailed, .halted, .databaseRefuses]) == .halted)
        #expect(ExitCode.worst([.conflicts, .problems]) == .problems)
        #expect(ExitCode.worst([]) == .inStep)
        #expect(ExitCode.worst(ExitCode.allCases) == .interrupted)
    }

    @Test func everyCodeHasARank() { #expect(Set(ExitCode.bySeverity) == Set(ExitCode.allCases)) }
}
