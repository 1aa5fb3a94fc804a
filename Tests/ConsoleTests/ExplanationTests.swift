import Console
import Core
import Foundation
import Testing
import Topologies

/// `explain` says what the documents say.
@Suite struct ExplanationTests {
    private func text(_ code: String) throws -> String {
        do {
            return try Explanation.lines(of: code).map { $0.rendered(colour: false) + "\n" }.joined()
        } catch {
            throw error as any Error
        }
    }

    @Test func everyRowOfTheDocument_isExplained() throws {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: repository.appending(path: "docs/errors.md"), encoding: .utf8)
        let rows = document.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count > 50 && ErrorManual.all.count == rows.count)
        for (row, manual) in zip(rows, ErrorManual.all) {
            #expect(row == "| `\(manual.code)` | \(manual.exit) | \(manual.cause) | \(manual.remedy) |")
            let explained = try text(manual.code)
            #expect(explained.contains(manual.cause) && explained.contains(manual.remedy))
        }
    }

    @Test func everyRule_isExplained_withItsExampleAndRemedy() throws {
        for rule in Rule.allCases {
            let explained = try text(rule.id.lowercased())
            #expect(explained.hasPrefix("\(rule.id) \(rule.title)  \(rule.severity.rawValue)"))
            #expect(explained.contains("\n  remedy: "))
            if let example = RuleManual.of(rule).example {
                // A tab, of which one rule is about, is not for a terminal.
                let first = example.split(separator: "\n")[0]
                #expect(explained.contains("    \(first)\n") || rule == .tab, "\(explained)")
            }
        }
    }

    @Test(arguments: ["error[stage.no-space]", "[stage.no-space]", "Stage.No-Space"])
    func code_isFoundAsItStandsInAMessage(_ word: String) throws {
        #expect(try text(word) == text("stage.no-space"))
    }

    @Test(arguments: [("hw10", "HW0"), ("stage.nospace", "stage.no-space"), ("Halt.Emptied2", "halt.emptied")])
    func unknownCode_suggestsTheNearest(_ code: String, _ nearest: String) {
        var found: HeadwaterError?
        do { _ = try Explanation.lines(of: code) } catch { found = error }
        #expect(found?.code == "explain.unknown" && found?.exit == .usage)
        #expect(found?.remedy.contains("did you mean `\(nearest)") == true, "\(found?.remedy ?? "")")
    }
}
