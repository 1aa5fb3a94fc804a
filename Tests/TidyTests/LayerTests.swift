import Testing

/// Who may import whom. Imports point down the list of docs/architecture.md, never up, and never between Roots,
/// Snapshots and SSH.
@Suite struct LayerTests {
    /// Our modules each module may import; one that is not listed fails.
    private static let allowed: [String: Set<String>] = [
        "Core": [],
        "Wire": ["Core"],
        "Filters": ["Core"],
        "Content": ["Core", "CZstd", "CXXHash", "CCrypto"],
        "Reconciliation": ["Core", "Content"],
        "Topologies": ["Core", "Filters", "CYAML"],
        "Platform": ["Core", "CLinux"],
        "SSH": ["Core", "Platform", "Content", "CSSH2"],
        "Snapshots": ["Core", "Platform", "Content", "CSQLite"],
        "Roots": ["Core", "Platform", "Content"],
        "Sessions": ["Core", "Wire", "Content", "Filters", "Reconciliation", "Platform", "Snapshots", "Roots"],
        "Orchestration": [
            "Core", "Wire", "Content", "Filters", "Topologies", "Platform", "SSH", "Snapshots", "Roots", "Sessions",
        ],
        "Console": ["Core", "Platform", "Topologies"],
        "headwater": [
            "Core", "Content", "Topologies", "Platform", "SSH", "Snapshots", "Orchestration", "Console",
            "ArgumentParser", "Foundation",
        ],
        "headwater-agent": ["Core", "Platform", "Sessions", "Roots", "Snapshots", "Wire", "Content"],
    ]
    private static let system: Set<String> = ["Glibc", "Synchronization"]
    /// Without I/O, clock and randomness; the one exception is reading a topology file.
    private static let pure: Set<String> = ["Core", "Wire", "Content", "Filters", "Reconciliation"]

    @Test func everyModule_importsOnlyWhatLiesBelowIt() {
        for file in Repository.sources {
            guard let allowed = Self.allowed[file.module] else {
                Issue.record("\(file.path): the module \(file.module) is not in the table of LayerTests")
                continue
            }
            for name in imports(file) where !allowed.contains(name) && !Self.system.contains(name) {
                Issue.record("\(file.path) imports \(name); \(file.module) may import \(allowed.sorted())")
            }
        }
    }

    /// A directory that is no target is not built, and what is in it not tested, without a word.
    @Test func everyModule_isATarget() {
        let package = Repository.text("Package.swift")
        for name in Set((Repository.sources + Repository.tests).map(\.module)) where name != "C" {
            #expect(package.contains("\"\(name)\""), "Package.swift does not name \(name)")
        }
    }

    @Test func everyCModule_isImportedByOneSwiftModule() {
        var importers: [String: Set<String>] = [:]
        for file in Repository.sources {
            for name in imports(file) where Repository.exists("Sources/C/\(name)") {
                importers[name, default: []].insert(file.module)
            }
        }
        for (name, modules) in importers { #expect(modules.count == 1, "\(name): \(modules.sorted())") }
    }

    @Test func whatTheAgentLinks_isFreeOfFoundation() {
        for file in Repository.sources where reachable(from: "headwater-agent").contains(file.module) {
            for name in imports(file) {
                #expect(
                    !["Foundation", "FoundationEssentials", "ArgumentParser", "Dispatch", "XCTest"].contains(name),
                    "\(file.path) imports \(name), which the agent would carry")
            }
        }
    }

    @Test func pureModules_doNoInputOrOutput() {
        let forbidden = ["open(", "fopen(", "socket(", "clock_gettime(", "random(", "getenv(", "time(nil"]
        for file in Repository.sources where Self.pure.contains(file.module) {
            for (number, line) in file.lines.enumerated() {
                let words = code(line).split { !($0.isLetter || $0.isNumber || "_.(".contains($0)) }
                for word in words where forbidden.contains(where: { word == $0 || word.hasPrefix($0) }) {
                    Issue.record("\(file.path):\(number + 1): \(file.module) is pure, but calls \(word)")
                }
            }
        }
    }

    /// An asynchronous product would put blocking C on the cooperative pool: docs/decisions/0002.
    @Test func product_hasNoSwiftConcurrency() {
        let forbidden: Set<Substring> = ["await", "async", "actor", "Task", "TaskGroup", "AsyncStream"]
        for file in Repository.sources {
            for (number, line) in file.lines.enumerated() {
                let words = code(line).split { !($0.isLetter || $0.isNumber || $0 == "_") }
                for word in words where forbidden.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word)")
                }
            }
        }
    }

    private func imports(_ file: Repository.File) -> [String] {
        file.lines.compactMap { line in
            var words = line.split(separator: " ")
            while let first = words.first,
                first.hasPrefix("@") || ["package", "public", "private", "internal"].contains(first)
            { words.removeFirst() }
            guard words.count > 1, words[0] == "import" else { return nil }
            let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
            return String(words[kinds.contains(words[1]) ? 2 : 1].prefix { $0 != "." })
        }
    }

    private func reachable(from module: String) -> Set<String> {
        var found: Set<String> = []
        var open = [module]
        while let next = open.popLast() {
            if found.insert(next).inserted { open += Self.allowed[next] ?? [] }
        }
        return found
    }
}
