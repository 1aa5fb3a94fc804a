import Core

/// The rules of one session, compiled: says of each path whether it is synced. A value without state; any thread may ask.
///
/// Paths are bytes in key form (`TreePath`). The first rule that matches decides; what none matches is included. An excluded directory
/// excludes all below it. A question costs no allocation: three tables of bit sets, one bit to a rule, leave those rules that the
/// first byte of the path, the first and the last of the name permit, and those are tried in their order.
///
///     last byte of the name ──┐
///     first byte of the name ─┼─ and ─► candidates ─► each in order: exact, prefix, suffix, or token by token
///     first byte of the path ─┘
package struct Matcher: Sendable {
    private let programs: [Program]
    private let bytes: [UInt8]
    private let tokens: [PackedToken]
    private let sets: [ByteSet]
    /// `tables[(table * 256 + byte) * wordCount + word]`
    private let tables: [UInt64]
    /// Rules that match directories only, a bit each.
    private let forDirectories: [UInt64]
    private let wordCount: Int

    /// - Throws: what is wrong with the first bad rule, and which it is. Takes time proportional to the rules.
    package init(_ rules: [FilterRule]) throws(BadRule) {
        var assembly = Assembly()
        var table = CandidateTable(ruleCount: rules.count)
        for (index, rule) in rules.enumerated() {
            let pattern: Pattern
            do throws(RuleFault) { pattern = try Pattern(rule.pattern) } catch {
                throw BadRule(index: index, fault: error)
            }
            let (edges, isAnchored) = assembly.add(pattern, isIncluded: rule.isIncluded)
            table.add(index, edges, isAnchored: isAnchored, isForDirectories: pattern.isForDirectories)
        }
        (programs, bytes, tokens, sets) = (assembly.programs, assembly.bytes, assembly.tokens, assembly.sets)
        (tables, forDirectories, wordCount) = (table.words, table.forDirectories, table.wordCount)
    }

    package struct BadRule: Error, Hashable, Sendable {
        package var index: Int
        package var fault: RuleFault

        package init(index: Int, fault: RuleFault) {
            self.index = index
            self.fault = fault
        }
    }

    /// Whether everything is included.
    package var isEmpty: Bool { programs.isEmpty }

    /// Whether an entry is excluded, where the directories above it are included. The root never is.
    package func excludes(_ key: UnsafeRawBufferPointer, isDirectory: Bool) -> Bool {
        guard let index = firstMatch(key, isDirectory: isDirectory) else { return false }
        return !programs[index].isIncluded
    }

    /// Whether a path or a directory above it is excluded.
    package func hides(_ path: TreePath, isDirectory: Bool) -> Bool {
        if programs.isEmpty { return false }
        return path.key.withUnsafeBytes { key in
            for index in key.indices where key[index] == 0 {
                if excludes(UnsafeRawBufferPointer(rebasing: key[..<index]), isDirectory: true) { return true }
            }
            return excludes(key, isDirectory: isDirectory)
        }
    }

    /// The first rule that matches this path itself, whatever stands above it.
    package func firstMatch(_ key: UnsafeRawBufferPointer, isDirectory: Bool) -> Int? {
        if programs.isEmpty || key.isEmpty { return nil }
        var nameStart = key.count - 1
        while nameStart > 0, key[nameStart - 1] != 0 { nameStart -= 1 }
        let name = UnsafeRawBufferPointer(rebasing: key[nameStart...])
        let last = Int(key[key.count - 1]) * wordCount
        let first = (256 + Int(key[nameStart])) * wordCount
        let top = (512 + Int(key[0])) * wordCount
        // Which bytes the name and the path hold; found when a rule first needs them.
        var held: (name: UInt64, path: UInt64) = (0, 0)
        for word in 0..<wordCount {
            var candidates = tables[last + word] & tables[first + word] & tables[top + word]
            if !isDirectory { candidates &= ~forDirectories[word] }
            while candidates != 0 {
                let index = word &* 64 &+ candidates.trailingZeroBitCount
                if matches(programs[index], key, name, &held) { return index }
                candidates &= candidates &- 1
            }
        }
        return nil
    }

    @inline(__always)
    private func matches(
        _ program: Program, _ key: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer,
        _ held: inout (name: UInt64, path: UInt64)
    ) -> Bool {
        let text = program.isAnchored ? key : name
        switch program.shape {
        case .exact: return text.count == program.count && equal(text, 0, program)
        case .prefix: return text.count >= program.count && equal(text, 0, program)
        case .suffix: return text.count >= program.count && equal(text, text.count - program.count, program)
        case .general:
            let has: UInt64
            if program.isAnchored {
                if held.path == 0 { held.path = Matcher.folded(key) }
                has = held.path
            } else {
                if held.name == 0 { held.name = Matcher.folded(name) }
                has = held.name
            }
            return program.needed & ~has == 0 && run(program, text)
        }
    }

    /// Bit `byte % 64` of each byte; never 0 for what is not empty.
    private static func folded(_ text: UnsafeRawBufferPointer) -> UInt64 {
        var bits: UInt64 = 0
        for byte in text { bits |= 1 &<< UInt64(byte & 63) }
        return bits
    }

    @inline(__always)
    private func equal(_ text: UnsafeRawBufferPointer, _ offset: Int, _ program: Program) -> Bool {
        for index in 0..<program.count where text[offset &+ index] != bytes[program.start &+ index] { return false }
        return true
    }

    // MARK: Token by token

    /// A place to come back to when what follows a star does not match.
    private struct Resumption {
        var token: Int
        var at: Int
        /// Only where a name begins.
        var byNames = false
    }

    /// Needs no more than two places to come back to: the last `*`, within one name, and behind it the last `**`. Whatever an earlier
    /// one could reach, the later one, which matched as early as it can, reaches too.
    private func run(_ program: Program, _ text: UnsafeRawBufferPointer) -> Bool {
        let end = program.start + program.count
        var (token, at) = (program.start, 0)
        var star: Resumption?
        var deep: Resumption?
        while true {
            if token == end {
                if at == text.count { return true }
            } else {
                let next = tokens[token]
                if next.kind >= PackedToken.star {
                    token += 1
                    if next.kind == PackedToken.star {
                        star = Resumption(token: token, at: at)
                    } else {
                        deep = Resumption(token: token, at: at, byNames: next.kind == PackedToken.directories)
                        star = nil
                    }
                    continue
                }
                if at < text.count, accepts(next, text[at]) {
                    (token, at) = (token + 1, at + 1)
                    continue
                }
            }
            if let back = star, back.at < text.count, text[back.at] != 0 {
                star!.at += 1
            } else if deep != nil, Matcher.advance(&deep!, in: text) {
                star = nil
            } else {
                return false
            }
            let back = star ?? deep!
            (token, at) = (back.token, back.at)
        }
    }

    @inline(__always)
    private func accepts(_ token: PackedToken, _ byte: UInt8) -> Bool {
        switch token.kind {
        case PackedToken.byte: token.value == Int(byte)
        case PackedToken.any: byte != 0
        default: sets[token.value].contains(byte)
        }
    }

    /// Lets a `**` take one byte more, or one directory; false at the end.
    private static func advance(_ deep: inout Resumption, in text: UnsafeRawBufferPointer) -> Bool {
        var at = deep.at
        if deep.byNames { while at < text.count, text[at] != 0 { at += 1 } }
        guard at < text.count else { return false }
        deep.at = at + 1
        return true
    }
}

/// The tables of a matcher in the making.
private struct CandidateTable {
    let wordCount: Int
    private(set) var words: [UInt64]
    private(set) var forDirectories: [UInt64]

    init(ruleCount: Int) {
        wordCount = (ruleCount + 63) / 64
        words = [UInt64](repeating: 0, count: 3 * 256 * wordCount)
        forDirectories = [UInt64](repeating: 0, count: wordCount)
    }

    mutating func add(_ index: Int, _ edges: Edges, isAnchored: Bool, isForDirectories: Bool) {
        let (word, bit) = (index / 64, UInt64(1) << UInt64(index % 64))
        if isForDirectories { forDirectories[word] |= bit }
        let sets = [edges.last, isAnchored ? .ofNames : edges.first, isAnchored ? edges.first : .ofNames]
        for (table, set) in sets.enumerated() {
            for byte in UInt8.min...UInt8.max where set.contains(byte) {
                words[(table * 256 + Int(byte)) * wordCount + word] |= bit
            }
        }
    }
}
