import Foundation
import TestSupport
import Testing

/// The outcome table of bidirectional sessions: every row is a directory of one tree, brought in step, edited on both sides, and run.
@Suite("Outcomes of bidi", .slots, .timeLimit(.minutes(20)))
struct BidiTableTests {
    /// One row. Trees and edits are words of a small language: see `Sketch`.
    struct Case: Sendable {
        var name: String
        var agreed = ""
        var up = ""
        var down = ""
        /// What stands afterwards; nil downstream: the same as upstream.
        var expectedUp: String
        var expectedDown: String?
        var conflicts: [String] = []
        var problems = 0
    }

    static let cases: [Case] = [
        Case(name: "created / –", up: "x=new", expectedUp: "x=new"),
        Case(name: "– / created", down: "x=new", expectedUp: "x=new"),
        Case(name: "created the same on both", up: "x=new", down: "x=new", expectedUp: "x=new"),
        Case(
            name: "created differently on both", up: "x=new1", down: "x=new2", expectedUp: "x=new1",
            expectedDown: "x=new2", conflicts: ["x"]),
        Case(name: "changed / –", agreed: "x=old", up: "x=newer", expectedUp: "x=newer"),
        Case(name: "– / changed", agreed: "x=old", down: "x=newer", expectedUp: "x=newer"),
        Case(name: "changed the same on both", agreed: "x=old", up: "x=neu", down: "x=neu", expectedUp: "x=neu"),
        Case(
            name: "changed differently, of equal size", agreed: "x=old", up: "x=ne1", down: "x=ne2",
            expectedUp: "x=ne1", expectedDown: "x=ne2", conflicts: ["x"]),
        Case(name: "deleted / –", agreed: "x=old y=old", up: "-x", expectedUp: "y=old"),
        Case(name: "– / deleted", agreed: "x=old y=old", down: "-x", expectedUp: "y=old"),
        Case(name: "deleted on both", agreed: "x=old y=old", up: "-x", down: "-x", expectedUp: "y=old"),
        Case(
            name: "changed / deleted", agreed: "x=old", up: "x=newer", down: "-x", expectedUp: "x=newer",
            expectedDown: "", conflicts: ["x"]),
        Case(
            name: "deleted / changed", agreed: "x=old", up: "-x", down: "x=newer", expectedUp: "",
            expectedDown: "x=newer", conflicts: ["x"]),
        Case(
            name: "directory deleted / new path inside", agreed: "d/ d/x=old", up: "-d", down: "d/n=new",
            expectedUp: "d/ d/n=new"),
        Case(
            name: "new path inside / directory deleted", agreed: "d/ d/e/ d/e/x=old", up: "d/e/n=new", down: "-d",
            expectedUp: "d/ d/e/ d/e/n=new"),
        Case(
            name: "directory deleted / a child changed", agreed: "d/ d/x=old d/y=old", up: "-d", down: "d/x=newer",
            expectedUp: "", expectedDown: "d/ d/x=newer", conflicts: ["d/x"]),
        Case(
            name: "a child changed / directory deleted", agreed: "d/ d/x=old d/y=old", up: "d/x=newer", down: "-d",
            expectedUp: "d/ d/x=newer", expectedDown: "", conflicts: ["d/x"]),
        Case(
            name: "directory deleted / another child deleted", agreed: "d/ d/x=old d/y=old", up: "-d", down: "-d/x",
            expectedUp: ""),
        Case(
            name: "directory deleted / holds only what is not synced", agreed: "d/ d/x=old", up: "-d", down: "d/p|",
            expectedUp: "", expectedDown: "d/ d/p|"),
        Case(
            name: "holds only what is not synced / directory deleted", agreed: "d/ d/x=old", up: "d/p|", down: "-d",
            expectedUp: "d/ d/p|", expectedDown: ""),
        Case(name: "file → directory / –", agreed: "x=old", up: "-x x/ x/y=new", expectedUp: "x/ x/y=new"),
        Case(name: "– / directory → file", agreed: "d/ d/x=old", down: "-d d=new", expectedUp: "d=new"),
        Case(name: "– / file → link", agreed: "x=old", down: "-x x>y", expectedUp: "x>y"),
        Case(
            name: "directory → file / changed below", agreed: "d/ d/x=old", up: "-d d=new", down: "d/x=newer",
            expectedUp: "d=new", expectedDown: "d/ d/x=newer", conflicts: ["d"]),
        Case(
            name: "changed below / directory → file", agreed: "d/ d/x=old", up: "d/x=newer", down: "-d d=new",
            expectedUp: "d/ d/x=newer", expectedDown: "d=new", conflicts: ["d"]),
        Case(
            name: "directory → file / only deleted below", agreed: "d/ d/x=old d/y=old", up: "-d d=new",
            down: "-d/x", expectedUp: "d=new"),
        Case(
            name: "only deleted below / directory → file", agreed: "d/ d/x=old d/y=old", up: "-d/x",
            down: "-d d=new", expectedUp: "d=new"),
        Case(
            name: "file → directory on both", agreed: "x=old", up: "-x x/ x/a=new", down: "-x x/ x/b=new",
            expectedUp: "x/ x/a=new x/b=new"),
        Case(
            name: "directory → file / holds what is not synced", agreed: "d/ d/x=old", up: "-d d=new", down: "d/p|",
            expectedUp: "d=new", expectedDown: "d/ d/x=old d/p|", problems: 1),
        Case(
            name: "file / directory created under one name", up: "x=new", down: "x/ x/y=new", expectedUp: "x=new",
            expectedDown: "x/ x/y=new", conflicts: ["x"]),
        Case(
            name: "directory / file created under one name", up: "x/ x/y=new", down: "x=new",
            expectedUp: "x/ x/y=new", expectedDown: "x=new", conflicts: ["x"]),
        Case(name: "directories merge", up: "d/ d/a=1", down: "d/ d/b=2", expectedUp: "d/ d/a=1 d/b=2"),
        Case(
            name: "renamed x→z / changed x", agreed: "x=old", up: "-x z=old", down: "x=newer", expectedUp: "z=old",
            expectedDown: "x=newer z=old", conflicts: ["x"]),
        Case(name: "renamed x→z / deleted x", agreed: "x=old", up: "-x z=old", down: "-x", expectedUp: "z=old"),
        Case(
            name: "renamed x→z / z created, different", agreed: "x=old", up: "-x z=old", down: "z=other",
            expectedUp: "z=old", expectedDown: "z=other", conflicts: ["z"]),
        Case(
            name: "renamed x→y / renamed x→z", agreed: "x=old", up: "-x y=old", down: "-x z=old",
            expectedUp: "y=old z=old"),
        Case(
            name: "mode / content", agreed: "x=old", up: "x%600", down: "x=newer", expectedUp: "x=newer x%600"),
        Case(
            name: "content / mode", agreed: "x=old", up: "x=newer", down: "x%600", expectedUp: "x=newer x%600"),
        Case(name: "mode / other mode", agreed: "x=old", up: "x%600", down: "x%640", expectedUp: "x=old x%600"),
        Case(name: "mode / deleted", agreed: "x=old y=old", up: "x%600", down: "-x", expectedUp: "y=old"),
        Case(name: "deleted / mode", agreed: "x=old y=old", up: "-x", down: "x%600", expectedUp: "y=old"),
        Case(name: "– / directory's mode", agreed: "d/ d/x=old", down: "d%700", expectedUp: "d/ d/x=old d%700"),
        Case(
            name: "created / not synced", up: "x=new", down: "x|", expectedUp: "x=new", expectedDown: "x|",
            problems: 1),
        Case(
            name: "not synced / created", up: "x|", down: "x=new", expectedUp: "x|", expectedDown: "x=new",
            problems: 1),
    ]

    @Test func everyRow() async throws {
        let world = try World(targets: 1, edges: "  - build <-> t0\n")
        let (up, down) = (world.source, world.target(0))
        for (number, row) in Self.cases.enumerated() { try Sketch.apply("\(row.agreed)", up + "/case\(number)") }
        #expect(try await world.run().outcome.exit == 0)
        for (number, row) in Self.cases.enumerated() {
            try Sketch.apply(row.up, up + "/case\(number)")
            try Sketch.apply(row.down, down + "/case\(number)")
        }
        try Sketch.apply("-pad", up)

        let conflicts = Self.cases.flatMap(\.conflicts).count
        for round in ["first", "second"] {
            let (outcome, report) = try await world.run()
            #expect(outcome.exit == 4, "\(round): \(outcome.stderr)")
            #expect(report.edges[0]["conflicts"] == conflicts, "\(round)")
            #expect(report.edges[0]["problems"] == Self.cases.reduce(0) { $0 + $1.problems }, "\(round)")
            for (number, row) in Self.cases.enumerated() {
                let (wanted, there) = (row.expectedUp, row.expectedDown ?? row.expectedUp)
                let found = try Sketch.read(up + "/case\(number)", modes: wanted)
                #expect(found == Sketch.sorted(wanted), "\(round), upstream: \(row.name)")
                let below = try Sketch.read(down + "/case\(number)", modes: there)
                #expect(below == Sketch.sorted(there), "\(round), downstream: \(row.name)")
            }
            if round == "second" { #expect(report.edges[0].movedNothing) }
        }
    }
}

/// Small trees and edits in words: `x=text` a file, `d/` a directory, `x>y` a symlink, `x|` a fifo, `x%600` a mode, `-x` away with it.
enum Sketch {
    static func apply(_ words: String, _ directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for word in words.split(separator: " ") {
            let path = { (end: String.SubSequence) in "\(directory)/\(end)" }
            if word.hasPrefix("-") {
                try? FileManager.default.removeItem(atPath: path(word.dropFirst()))
            } else if word.hasSuffix("|") {
                #expect(mkfifo(path(word.dropLast()), 0o600) == 0)
            } else if word.hasSuffix("/") {
                try FileManager.default.createDirectory(
                    atPath: path(word.dropLast()), withIntermediateDirectories: true)
            } else if let cut = word.firstIndex(of: "=") {
                try write(String(word[word.index(after: cut)...]), path(word[..<cut]))
            } else if let cut = word.firstIndex(of: ">") {
                try FileManager.default.createSymbolicLink(
                    atPath: path(word[..<cut]), withDestinationPath: String(word[word.index(after: cut)...]))
            } else if let cut = word.firstIndex(of: "%") {
                #expect(chmod(path(word[..<cut]), mode_t(word[word.index(after: cut)...], radix: 8)!) == 0)
            }
        }
    }

    /// What stands below a directory, in sorted words; modes only of the paths whose mode `modes` names.
    static func read(_ directory: String, modes: String = "") throws -> [String] {
        let moded = Set(modes.split(separator: " ").filter { $0.contains("%") }.map { String($0.prefix { $0 != "%" }) })
        let found = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        var words: [String] = []
        for name in found where !name.contains(".headwater") {
            let path = "\(directory)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: words.append(name + "/")
            case S_IFLNK: words.append("\(name)>\(try FileManager.default.destinationOfSymbolicLink(atPath: path))")
            case S_IFREG: words.append("\(name)=\(try String(contentsOfFile: path, encoding: .utf8))")
            default: words.append(name + "|")
            }
            if moded.contains(name) { words.append("\(name)%\(String(status.st_mode & 0o777, radix: 8))") }
        }
        return words.sorted()
    }

    static func sorted(_ words: String) -> [String] { words.split(separator: " ").map(String.init).sorted() }
}
