import Core
import Filters
import Testing

/// What a pattern means, written down as simply as can be: every choice tried, on the text itself.
struct Reference {
    /// Breaks one rule of the language, to see that the comparison would notice.
    enum Mutation: CaseIterable { case starCrossesSlash, setMatchesSlash, laterRuleWins, suffixNeedsAByte, noPruning }

    var mutation: Mutation?

    func hides(_ rules: [String], _ path: String, isDirectory: Bool) -> Bool {
        let names = path.split(separator: "/").map(String.init)
        if mutation != .noPruning {
            for depth in 1..<max(1, names.count) {
                if excludes(rules, names[..<depth].joined(separator: "/"), isDirectory: true) { return true }
            }
        }
        return excludes(rules, path, isDirectory: isDirectory)
    }

    private func excludes(_ rules: [String], _ path: String, isDirectory: Bool) -> Bool {
        let matching = rules.filter { matches(String($0.dropFirst(2)), path, isDirectory: isDirectory) }
        let decisive = mutation == .laterRuleWins ? matching.last : matching.first
        return decisive?.hasPrefix("-") ?? false
    }

    private func matches(_ rule: String, _ path: String, isDirectory: Bool) -> Bool {
        var pattern = Array(rule.utf8)[...]
        if pattern.last == 0x2F {
            if !isDirectory { return false }
            pattern.removeLast()
        }
        let isAnchored = pattern.contains(0x2F)
        if pattern.first == 0x2F { pattern.removeFirst() }
        let text = isAnchored ? path : String(path.split(separator: "/").last!)
        return glob(pattern, Array(text.utf8)[...], atNameStart: true)
    }

    private func glob(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, atNameStart: Bool) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == UInt8(ascii: "*") {
            let stars = pattern.prefix { $0 == UInt8(ascii: "*") }.count
            let rest = pattern.dropFirst(stars)
            if stars > 1, atNameStart, rest.first == 0x2F {
                let below = rest.dropFirst()
                let starts = [text.startIndex] + text.indices.filter { text[$0] == 0x2F }.map { $0 + 1 }
                return starts.contains { glob(below, text[$0...], atNameStart: true) }
            }
            for end in text.startIndex...text.endIndex {
                if mutation == .suffixNeedsAByte && end == text.startIndex { continue }
                if glob(rest, text[end...], atNameStart: false) { return true }
                if end < text.endIndex, text[end] == 0x2F, stars == 1, mutation != .starCrossesSlash { break }
            }
            return false
        }
        guard let byte = text.first else { return false }
        let rest = text.dropFirst()
        switch first {
        case UInt8(ascii: "?"): return byte != 0x2F && glob(pattern.dropFirst(), rest, atNameStart: false)
        case UInt8(ascii: "\\"):
            return byte == pattern.dropFirst().first && glob(pattern.dropFirst(2), rest, atNameStart: false)
        case UInt8(ascii: "["):
            // Made by `RandomRules`: one range, perhaps negated.
            let isNegated = pattern.dropFirst().first == UInt8(ascii: "!")
            let range = Array(pattern.dropFirst(isNegated ? 2 : 1).prefix(3))
            if byte == 0x2F && mutation != .setMatchesSlash { return false }
            return (range[0]...range[2]).contains(byte) != isNegated
                && glob(pattern.dropFirst(isNegated ? 6 : 5), rest, atNameStart: false)
        default: return byte == first && glob(pattern.dropFirst(), rest, atNameStart: first == 0x2F)
        }
    }
}

/// Rules and paths over few letters, so that they meet often.
struct RandomRules {
    var random: SplitMix

    mutating func rules() -> [String] { (0..<Int.random(in: 1...6, using: &random)).map { _ in rule() } }

    private mutating func rule() -> String {
        let sign = Bool.random(using: &random) ? "+ " : "- "
        let names = (0..<[1, 1, 1, 2, 3].randomElement(using: &random)!).map { _ in name() }
        let lead = Int.random(in: 0..<3, using: &random) == 0 ? "/" : ""
        let trail = Int.random(in: 0..<4, using: &random) == 0 ? "/" : ""
        return sign + lead + names.joined(separator: "/") + trail
    }

    private mutating func name() -> String {
        let pieces = ["a", "b", "c", "ab", "*", "*", "**", "?", "[a-b]", "[!a-b]", "\\*"]
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
    }

    mutating func path() -> String {
        let letters = ["a", "b", "c", "*"]
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            (0..<Int.random(in: 1...4, using: &random)).map { _ in letters.randomElement(using: &random)! }.joined()
        }.joined(separator: "/")
    }
}

/// Seeded and small.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct ReferenceTests {
    static let seed: UInt64 = 20_261_121

    @Test func matcher_agreesWithTheReference() throws {
        #expect(try differences(from: Reference(), rounds: 4000) == [])
    }

    /// A comparison that no fault can fail proves nothing.
    @Test(arguments: Reference.Mutation.allCases)
    func brokenReference_isNoticed(_ mutation: Reference.Mutation) throws {
        #expect(try !differences(from: Reference(mutation: mutation), rounds: 1500).isEmpty)
    }

    private func differences(from reference: Reference, rounds: Int) throws -> [String] {
        var random = RandomRules(random: SplitMix(state: Self.seed))
        var found: [String] = []
        for round in 0..<rounds {
            let rules = random.rules()
            let compiled = try matcher(rules)
            for _ in 0..<10 {
                let (path, isDirectory) = (random.path(), Bool.random(using: &random.random))
                let mine = compiled.hides(try TreePath(slashed: path), isDirectory: isDirectory)
                if mine != reference.hides(rules, path, isDirectory: isDirectory) {
                    found.append("seed \(Self.seed), round \(round): \(rules) \(path)\(isDirectory ? "/" : "")")
                }
            }
            if found.count > 5 { break }
        }
        return found
    }
}
