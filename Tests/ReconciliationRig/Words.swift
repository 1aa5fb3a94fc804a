import Core

/// Small trees and edits in words: `x=text` a file, `d/` a directory, `x>y` a symlink, `x|` a fifo, `x!` a directory that cannot be listed,
/// `x%600` a mode, `x@7` a time, `x→y` a rename, `-x` away with it.
package enum Words {
    package static func apply(_ words: String, to tree: inout MemoryTree) {
        for word in words.split(separator: " ") { apply(word, &tree) }
    }

    private static func apply(_ word: Substring, _ tree: inout MemoryTree) {
        let parts = word.split(maxSplits: 1, omittingEmptySubsequences: false) { "=>%@→".contains($0) }
        let name = parts[0].filter { !"-|!".contains($0) }
        let path = path(parts.count == 1 && name.last == "/" ? String(name.dropLast()) : name)
        if parts.count == 1 {
            switch word.last! {
            case "/": if tree[path] == nil { tree.put(path, .directory) }
            case "|": tree.put(path, .untracked)
            case "!": tree.setIncomplete(path, !tree[path]!.isIncomplete)
            default: tree.remove(path)
            }
            return
        }
        switch word[parts[0].endIndex] {
        case "=": write(path, content(parts[1]), &tree)
        case ">": tree.put(path, .symlink, content(parts[1]))
        case "%": tree.setMode(path, UInt16(parts[1], radix: 8)!)
        case "@": tree.touch(path, at: Int64(parts[1])!)
        default: tree.move(path, to: Words.path(String(parts[1])))
        }
    }

    private static func write(_ path: TreePath, _ content: UInt64, _ tree: inout MemoryTree) {
        if tree[path]?.kind == .file { tree.write(path, content) } else { tree.put(path, .file, content) }
    }

    package static func path(_ text: String) -> TreePath {
        TreePath(trusted: text.utf8.map { $0 == UInt8(ascii: "/") ? 0 : $0 })
    }

    /// Which content a text is; of equal size where the texts are.
    package static func content(_ text: some StringProtocol) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return ((hash &* 0x9E37_79B9_7F4A_7C15) >> 40) & 0xFFFFC | UInt64(text.utf8.count) & 3
    }

    /// What stands in a tree, in sorted words with numbers for texts; modes and times only of the paths whose `words` name them.
    package static func read(_ tree: MemoryTree, like words: String) -> [String] {
        let named = { (mark: Character) in
            Set(words.split(separator: " ").filter { $0.contains(mark) }.map { path(String($0.prefix { $0 != mark })) })
        }
        let (moded, timed) = (named("%"), named("@"))
        var found: [String] = []
        for entry in tree.entries {
            let name = entry.path.description
            switch entry.kind {
            case .file: found.append("\(name)=\(entry.content)")
            case .directory: found.append(entry.isIncomplete ? "\(name)!" : "\(name)/")
            case .symlink: found.append("\(name)>\(entry.content)")
            case .untracked, .problem: found.append("\(name)|")
            }
            if moded.contains(entry.path) { found.append("\(name)%\(String(entry.mode, radix: 8))") }
            if timed.contains(entry.path) { found.append("\(name)@\(entry.mtime)") }
        }
        return found.sorted()
    }

    /// The same of words that say what is to stand.
    package static func normal(_ words: String) -> [String] {
        words.split(separator: " ").map { word in
            guard let cut = word.firstIndex(where: { "=>".contains($0) }) else { return String(word) }
            return "\(word[...cut])\(content(word[word.index(after: cut)...]))"
        }.sorted()
    }

    /// What stands otherwise in the second tree, with all that is known of it.
    package static func difference(_ a: MemoryTree, _ b: MemoryTree) -> [String] {
        Set(a.entries).symmetricDifference(b.entries).map { entry in
            let sign = a.entries.contains(entry) ? "-" : "+"
            return "\(sign)\(entry.path) \(entry.kind) \(entry.content) \(String(entry.mode, radix: 8)) \(entry.mtime)"
        }.sorted()
    }
}
