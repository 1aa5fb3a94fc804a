import Foundation
import Testing
import Topologies

/// SARIF and GitHub annotations: what code review reads.
@Suite struct ReviewFormatTests {
    static let broken =
        "headwater: 1\npeers: {a: /a, b: h:/b, c: /c}\nedges:\n  - a -> a\n  - {from: a, to: b, colour: 'ü'}\n"

    func sarif(_ diagnostics: [Diagnostic], directory: String = "/work") throws -> [String: Any] {
        let text = DiagnosticSARIF.render(diagnostics, directory: directory)
        #expect(!text.contains("\n"))
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    func run(_ document: [String: Any]) throws -> [String: Any] {
        try #require((document["runs"] as? [[String: Any]])?.first)
    }

    /// The values along a path of keys, through the first element of each array on the way.
    func value(_ object: Any?, _ keys: String...) -> Any? {
        keys.reduce(object) { object, key in
            let map = (object as? [[String: Any]])?.first ?? object as? [String: Any]
            return map?[key]
        }
    }

    @Test func sarif_hasVersionToolAndEveryRuleOnce() throws {
        let document = try sarif([])
        #expect(document["version"] as? String == "2.1.0")
        #expect((document["$schema"] as? String)?.hasSuffix("sarif-schema-2.1.0.json") == true)
        let run = try run(document)
        #expect((run["results"] as? [Any])?.isEmpty == true && run["columnKind"] as? String == "unicodeCodePoints")
        let rules = try #require(value(run["tool"], "driver", "rules") as? [[String: Any]])
        #expect(rules.compactMap { $0["id"] as? String } == Rule.allCases.map(\.id))
        for rule in rules {
            #expect(rule["helpUri"] == nil)
            for key in ["shortDescription", "fullDescription", "help"] {
                let text = try #require(value(rule[key], "text") as? String)
                #expect(!text.isEmpty, "\(rule["id"] ?? "") \(key)")
            }
            #expect((rule["name"] as? String)?.allSatisfy { $0.isLetter || $0.isNumber } == true)
        }
        #expect(rules.filter { value($0["defaultConfiguration"], "level") as? String == "warning" }.count == 1)
    }

    @Test func sarif_resultsNameTheirRuleAndRegion_withAnEndBehindTheLastCharacter() throws {
        let run = try run(sarif(Loaded(Self.broken).diagnostics))
        let results = try #require(run["results"] as? [[String: Any]])
        let rules = try #require(value(run["tool"], "driver", "rules") as? [[String: Any]])
        #expect(results.compactMap { $0["ruleId"] as? String } == ["HW105", "HW103", "HW021"])
        for result in results {
            let index = try #require(result["ruleIndex"] as? Int)
            #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
        }
        #expect(results.compactMap { $0["level"] as? String } == ["warning", "error", "error"])
        let region = try #require(value(results[1]["locations"], "physicalLocation", "region") as? [String: Int])
        #expect(region == ["startLine": 4, "startColumn": 5, "endColumn": 11])
        let message = try #require(value(results[1]["message"], "text") as? String)
        #expect(message == "the edge leads from `a` to itself\nRemedy: name two different peers, or remove the edge")
    }

    @Test(arguments: [
        ("net.yaml", "net.yaml"), ("./a/../net.yaml", "net.yaml"), ("/work/sub/net.yaml", "sub/net.yaml"),
        ("/workshop/net.yaml", "file:///workshop/net.yaml"), ("../net.yaml", "file:///net.yaml"),
        ("a b/100%:ü?#.yaml", "a%20b/100%25%3A%C3%BC%3F%23.yaml"), ("/etc/[x].yaml", "file:///etc/%5Bx%5D.yaml"),
    ])
    func sarif_namesFilesByURIs(_ file: String, _ uri: String) throws {
        let loaded = Loaded("headwater: 2\nname: x\npeers: {}\nedges: []\n", name: file)
        let run = try run(sarif(loaded.diagnostics))
        let found = value(run["results"], "locations", "physicalLocation", "artifactLocation", "uri") as? String
        #expect(found == uri)
    }

    @Test func whatIsAboutAFileAsAWhole_hasNoRegion() throws {
        let diagnostics = TopologyFile.load(path: "/nowhere/net.yaml").diagnostics
        let place = value(try run(sarif(diagnostics))["results"], "locations", "physicalLocation") as? [String: Any]
        #expect(place?["artifactLocation"] != nil && place?["region"] == nil)
        #expect(
            DiagnosticGitHub.render(diagnostics, directory: "/").hasPrefix(
                "::error file=nowhere/net.yaml,title=HW001 unreadable file::the file cannot be read"))
    }

    @Test func github_isALinePerFinding_escapedAsTheRunnerUnescapes() {
        let loaded = Loaded(Self.broken, name: "we,ird:100%\r\n.yaml")
        let lines = DiagnosticGitHub.render(loaded.diagnostics.filter { $0.rule != .badName }, directory: "/work")
            .split(separator: "\n")
        #expect(
            lines.dropFirst().first.map(String.init)
                == "::error file=we%2Cird%3A100%25%0D%0A.yaml,line=4,col=5,endColumn=10,title=HW103 edge to itself::the edge "
                + "leads from `a` to itself%0Aremedy: name two different peers, or remove the edge")
        #expect(lines.first?.hasPrefix("::warning file=") == true && lines.count == 3)
        #expect(DiagnosticGitHub.render([], directory: "/") == "")
    }

    @Test func manuals_areThoseOfTheDocument() throws {
        for section in try DocumentationTests.sections() {
            let manual = RuleManual.of(try #require(Rule(rawValue: section.id)))
            #expect(manual.example == section.example, "\(section.id)")
            #expect(manual.remedy.hasPrefix(section.remedy ?? "?"), "\(section.id)")
            #expect(!manual.text.contains("```") && !manual.text.contains("Remedy:"))
        }
    }
}
