import Foundation
import Testing

/// What documents promise: every error code is explained, every link leads somewhere, every exit code is told.
@Suite struct DocumentTests {
    @Test func everyErrorCode_isInTheTable_andHasTheGrammar() throws {
        let documented = Set(documentedCodes())
        let used = try usedCodes()
        for (code, path) in used {
            #expect(documented.contains(code), "\(path): \(code) is not in docs/errors.md")
            #expect(code.wholeMatch(of: /[a-z][a-z-]*\.[a-z][a-z0-9-]*/) != nil, "\(path): \(code) is no area.what")
        }
    }

    @Test func tableOfErrors_hasNoCodeTwice_andIsSorted() {
        let codes = documentedCodes()
        #expect(codes.count == Set(codes).count)
        #expect(codes == codes.sorted())
    }

    @Test func everyRelativeLink_leadsToAFile() throws {
        let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        let documents =
            Repository.files("docs", [".md"]) + Repository.files("Benchmarks", [".md"])
            + top.map { Repository.File(path: $0, text: Repository.text($0)) }
        for document in documents {
            let directory = document.path.split(separator: "/").dropLast().joined(separator: "/")
            for match in document.text.matches(of: /\]\(([^)\s]+)\)/) {
                let link = String(match.output.1)
                if link.contains("://") || link.hasPrefix("#") || link.hasPrefix("mailto:") { continue }
                let path = String(link.prefix { $0 != "#" }).removingPercentEncoding ?? link
                #expect(Repository.exists(directory + "/" + path), "\(document.path) links to \(link)")
            }
        }
    }

    @Test func everyExitCode_isDocumented() {
        let text = Repository.text("docs/exit-codes.md")
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130", "143"] {
            #expect(text.contains("| \(code) |"), "docs/exit-codes.md does not explain \(code)")
        }
    }

    @Test func everyModule_isInTheArchitecture() {
        let text = Repository.text("docs/architecture.md")
        for module in Set(Repository.sources.map(\.module)) {
            #expect(text.contains("`\(module)`"), "docs/architecture.md does not name \(module)")
        }
    }

    @Test func everyLinkedLibrary_isInTheNotice() throws {
        let notice = Repository.text("NOTICE").lowercased()
        for match in Repository.text("Package.swift").matches(of: /"lib([a-z0-9]+)"/) {
            let names = ["crypto": "openssl", "z": "zlib", "sqlite3": "sqlite", "yaml": "libyaml", "ssh2": "libssh2"]
            let name = names[String(match.output.1)] ?? String(match.output.1)
            #expect(notice.contains(name), "NOTICE does not name \(name)")
        }
    }

    /// Every literal that reads like a code of a documented area, wherever the error is made from it.
    private func usedCodes() throws -> [(code: String, path: String)] {
        let areas = Set(documentedCodes().map { $0.prefix { $0 != "." } })
        return Repository.sources.flatMap { file in
            let made = file.text.matches(of: /HeadwaterError\(\s*(?:code:\s*)?"([^"\\]+)"/).map { String($0.output.1) }
            let named = file.text.matches(of: /"([a-z]+\.[a-z][a-z0-9-]*)"/).map { String($0.output.1) }
                .filter { code in areas.contains(code.prefix { $0 != "." }) }
            return Set(made + named).sorted().map { ($0, file.path) }
        }
    }

    /// The first column of the table in docs/errors.md, in order.
    private func documentedCodes() -> [String] {
        Repository.text("docs/errors.md").matches(of: /\n\| `([^`]+)` \|/).map { String($0.output.1) }
    }
}
