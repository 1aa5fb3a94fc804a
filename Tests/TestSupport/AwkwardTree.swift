import Glibc

/// A tree of everything that naive engines get wrong: names, sizes, modes, times and kinds.
package enum AwkwardTree {
    /// How many entries of kinds that are not synced it holds: a fifo and a socket.
    package static let untracked = 2

    /// Builds it in the existing, empty directory `path`. Blocks.
    package static func build(at path: String) throws {
        let tree = try TreeBuilder(path)
        try names(tree)
        try sizes(tree)
        try kinds(tree)
        try deepPath(tree)
        try modes(tree)
        try times(tree)
        try tree.finish()
    }

    private static func names(_ tree: TreeBuilder) throws {
        try tree.directory("names")
        let awkward: [[UInt8]] = [
            [0xFF, 0xFE, 0x80], Array("line\nbreak".utf8), Array("tab\tand \u{1B}[31mred".utf8), Array(" ".utf8),
            Array("-rf".utf8), Array("*?[a]".utf8), Array("quote'\"`$(x)".utf8), Array("back\\slash".utf8),
            Array("e\u{301}".utf8), Array("\u{E9}".utf8), Array("...".utf8),
            Array(repeating: UInt8(ascii: "n"), count: 255),
            Array(repeating: 0xC3, count: 255), Array("Case".utf8), Array("case".utf8), Array("a!b".utf8),
            Array("a.b".utf8),
        ]
        for name in awkward { try tree.file(Array("names/".utf8) + name, name) }
        try tree.directory("a")
        try tree.file("a/b", "below a")
        try tree.file("a-b", "sorts between a and a/b for who compares strings")
        try tree.directory("a b")
        try tree.file("a b/c", "x")
    }

    private static func sizes(_ tree: TreeBuilder) throws {
        try tree.directory("sizes")
        for size in [0, 1, 4095, 4096, 4097, 65_536, 524_287, 524_288, 524_289, 1_572_865, 3_000_000] {
            try tree.file(Array("sizes/\(size)".utf8), TreeBuilder.noise(size, seed: UInt64(size) + 1))
        }
        try tree.sparse("sizes/sparse", size: 5 << 20)
        try tree.file("sizes/zeros", String(repeating: "\0", count: 700_000))
    }

    private static func kinds(_ tree: TreeBuilder) throws {
        try tree.directory("kinds")
        try tree.directory("kinds/empty")
        try tree.directory("kinds/empty/also empty")
        try tree.link("kinds/relative", "../sizes/1")
        try tree.link("kinds/dangling", "nowhere/at all")
        try tree.link("kinds/absolute", "/etc/passwd")
        try tree.link("kinds/loop", "loop")
        try tree.link("kinds/outside", "../../../../../../../../tmp")
        try tree.link("kinds/to directory", "empty")
        try tree.link(Array("kinds/bytes".utf8), [0xFF, 0x0A, 0x80])
        try tree.link(Array("kinds/long".utf8), Array(repeating: UInt8(ascii: "t"), count: 4000))
        try tree.fifo("kinds/fifo")
        try tree.socket("kinds/socket")
        try tree.directory("kinds/.headwater")
        try tree.file("kinds/.headwater/private", "a nested private directory is never synced")
    }

    /// A path of more than 4 096 bytes, which no single system call can name.
    private static func deepPath(_ tree: TreeBuilder) throws {
        var path = Array("deep".utf8)
        try tree.directory(path)
        for level in 0..<18 {
            path += [UInt8(ascii: "/")] + Array(repeating: UInt8(ascii: "a") + UInt8(level), count: 240)
            try tree.directory(path)
        }
        try tree.file(path + Array("/bottom".utf8), Array("deeper than PATH_MAX".utf8))
    }

    private static func modes(_ tree: TreeBuilder) throws {
        try tree.directory("modes")
        for mode in [0o400, 0o444, 0o555, 0o600, 0o644, 0o751, 0o777] as [UInt32] {
            try tree.file("modes/\(String(mode, radix: 8))", "mode")
            tree.setMode("modes/\(String(mode, radix: 8))", mode)
        }
        for mode in [0o500, 0o555, 0o751, 0o777] as [UInt32] {
            let name = "modes/d\(String(mode, radix: 8))"
            try tree.directory(name)
            try tree.file(name + "/inside", "in a directory that may not be written")
            tree.setMode(name, mode)
        }
    }

    private static func times(_ tree: TreeBuilder) throws {
        try tree.directory("times")
        for (index, time) in [(0, 0), (-1, 1), (-1_234_567, 123_456_789), (1, 999_999_999), (4_102_444_800, 7)]
            .enumerated()
        {
            try tree.file("times/\(index)", "time")
            tree.setTime("times/\(index)", time.0, time.1)
            try tree.directory("times/d\(index)")
            tree.setTime("times/d\(index)", time.0, time.1)
        }
    }
}
