/// What `docs/topology.md` says about a rule. The document itself is in the program, so that the two cannot differ.
package struct RuleManual: Sendable, Hashable {
    package var rule: Rule
    /// What the rule is about, in a few lines of prose; empty where its title says it all.
    package var text: String
    /// A file that breaks this rule and no other, ending with a newline; nil for what cannot stand in a text file.
    package var example: String?
    /// What is advised for the example.
    package var remedy: String

    /// Of every rule.
    package static func of(_ rule: Rule) -> RuleManual { all[rule]! }

    private static let all: [Rule: RuleManual] = {
        let document = String(decoding: PackageResources.rules_md, as: UTF8.self)
        let manuals = document.split(separator: "\n### ").dropFirst().compactMap { RuleManual(section: $0) }
        return Dictionary(uniqueKeysWithValues: manuals.map { ($0.rule, $0) })
    }()

    /// From a section, which begins with the id: prose, perhaps an example in a fence, and a line `Remedy: …`.
    private init?(section: Substring) {
        guard let rule = Rule(rawValue: String(section.prefix(while: { $0 != " " }))) else { return nil }
        var (prose, example, remedy): ([Substring], [Substring], [Substring]) = ([], [], [])
        var isInFence = false
        var isInRemedy = false
        for line in section.split(separator: "\n", omittingEmptySubsequences: false).dropFirst() {
            if line.hasPrefix("## ") { break }
            if line.hasPrefix("```") {
                isInFence.toggle()
            } else if isInFence {
                example.append(line)
            } else if line.hasPrefix("Remedy: ") {
                isInRemedy = true
                remedy.append(line.dropFirst("Remedy: ".count))
            } else if !line.isEmpty {
                if isInRemedy { remedy.append(line) } else { prose.append(line) }
            }
        }
        self.rule = rule
        text = prose.joined(separator: "\n")
        self.example = example.isEmpty ? nil : example.joined(separator: "\n") + "\n"
        self.remedy = remedy.joined(separator: " ")
    }
}
