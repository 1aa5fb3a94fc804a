import Foundation

/// The files of this package, as the tests that read them see them.
struct Repository {
    struct File {
        /// Below the package's directory.
        let path: String
        let text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        /// The module of a file in `Sources`, or the test target of one in `Tests`.
        var module: String { String(path.split(separator: "/")[1]) }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All files below `directory` whose name ends with one of `endings`, in a fixed order.
    static func files(_ directory: String, _ endings: [String]) -> [File] {
        let top = root.appendingPathComponent(directory).path
        let paths = FileManager.default.enumerator(atPath: top)?.compactMap { $0 as? String } ?? []
        return paths.sorted().filter { path in endings.contains { path.hasSuffix($0) } }.map { path in
            let text = (try? String(contentsOfFile: top + "/" + path, encoding: .utf8)) ?? ""
            return File(path: directory + "/" + path, text: text)
        }
    }

    static let sources = files("Sources", [".swift"])
    static let tests = files("Tests", [".swift"])

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).standardizedFileURL.path)
    }

    static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }
}

/// The code of a line: without strings and comments, so that braces and words in them do not count.
func code(_ line: some StringProtocol) -> String {
    var result = ""
    var inString = false
    var previous: Character = " "
    for character in line {
        if character == "\"" && previous != "\\" { inString.toggle() }
        if !inString && character == "/" && previous == "/" {
            result.removeLast()
            break
        }
        if !inString { result.append(character) }
        previous = previous == "\\" && character == "\\" ? " " : character
    }
    return result
}
