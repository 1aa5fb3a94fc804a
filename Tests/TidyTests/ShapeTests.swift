import Testing

/// Sizes and escape hatches. The lists of exceptions only shrink: an entry that is not needed any more fails too.
@Suite struct ShapeTests {
    private static let functionLinesMax = 70
    private static let fileLinesMax = 400
    private static let longFunctions: Set<String> = []
    private static let longFiles: Set<String> = []
    /// `@unchecked Sendable` and `nonisolated(unsafe)` in all of the sources.
    private static let escapesMax = 8

    @Test func noFunction_isLongerThanTheRatchet() {
        var long: Set<String> = []
        for file in Repository.sources + Repository.tests {
            for function in functions(file) where function.lines > Self.functionLinesMax {
                long.insert("\(file.path) \(function.name)")
                if !Self.longFunctions.contains("\(file.path) \(function.name)") {
                    Issue.record("\(file.path): \(function.name) has \(function.lines) lines")
                }
            }
        }
        #expect(Self.longFunctions.subtracting(long).isEmpty, "not long any more: take it off the list")
    }

    @Test func noFile_isLongerThanTheLimit() {
        let long = (Repository.sources + Repository.tests).filter { $0.lines.count > Self.fileLinesMax }
        for file in long where !Self.longFiles.contains(file.path) {
            Issue.record("\(file.path) has \(file.lines.count) lines")
        }
        #expect(Self.longFiles.subtracting(long.map(\.path)).isEmpty, "not long any more: take it off the list")
    }

    @Test func escapesFromTheCompiler_areFewAndExplained() {
        var count = 0
        for file in Repository.sources {
            for (number, line) in file.lines.enumerated() {
                let text = code(line)
                guard text.contains("@unchecked Sendable") || text.contains("nonisolated(unsafe)") else { continue }
                count += 1
                let near = file.lines[max(0, number - 8)..<min(file.lines.count, number + 4)]
                #expect(
                    near.contains { $0.contains("// SAFETY:") },
                    "\(file.path):\(number + 1) has no // SAFETY: line beside it")
            }
        }
        #expect(count <= Self.escapesMax)
    }

    @Test func nothingUnfinished_isOnMain() {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX:", "for " + "now", "HA" + "CK"]
        for file in Repository.sources + Repository.tests {
            for (number, line) in file.lines.enumerated() {
                for word in words where line.contains(word) { Issue.record("\(file.path):\(number + 1): \(word)") }
            }
        }
    }

    @Test func tests_doNotSleep() {
        let words: Set<Substring> = ["sleep", "usleep", "nanosleep"]
        for file in Repository.tests {
            for (number, line) in file.lines.enumerated() {
                for word in code(line).split(whereSeparator: { !$0.isLetter }) where words.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word); wait for the effect instead")
                }
            }
        }
    }

    @Test func repository_isFound() {
        #expect(Repository.sources.count > 20 && Repository.tests.count > 10)
    }

    @Test func scanner_findsALongFunction() {
        let body = (0..<71).map { "        let x\($0) = \"{\"  // }" }.joined(separator: "\n")
        let file = Repository.File(
            path: "a/b/c.swift",
            text: "struct S {\n    func long(\n        a: Int\n    ) {\n\(body)\n    }\n    func short() {}\n}")
        let found = functions(file)
        #expect(found.map(\.name) == ["long", "short"])
        #expect(found[0].lines == 75 && found[1].lines == 1)
    }

    /// Name and length, signature included, of every function, initialiser and nested function with a body.
    private func functions(_ file: Repository.File) -> [(name: String, lines: Int)] {
        var found: [(order: Int, name: String, lines: Int)] = []
        var open: [(name: String, start: Int, depth: Int, entered: Bool)] = []
        var depth = 0
        for (number, line) in file.lines.enumerated() {
            let text = code(line)
            if let name = functionName(text) { open.append((name, number, depth, false)) }
            for character in text {
                if character == "{" { depth += 1 }
                if character == "}" { depth -= 1 }
                guard let last = open.last else { continue }
                if character == "{" && !last.entered { open[open.count - 1].entered = true }
                if last.entered && depth <= last.depth {
                    found.append((last.start, last.name, number - last.start + 1))
                    open.removeLast()
                }
            }
            // A requirement of a protocol has no body.
            if let last = open.last, !last.entered, depth < last.depth { open.removeLast() }
        }
        return found.sorted { $0.order < $1.order }.map { ($0.name, $0.lines) }
    }

    private func functionName(_ line: String) -> String? {
        let words = line.split { $0 == " " || $0 == "(" || $0 == "<" }
        if let index = words.firstIndex(of: "func"), index + 1 < words.count { return String(words[index + 1]) }
        let trimmed = words.first {
            !["package", "public", "private", "fileprivate", "convenience", "required"].contains($0)
        }
        return trimmed == "init" || trimmed == "deinit" || trimmed == "init?" ? trimmed.map(String.init) : nil
    }
}
