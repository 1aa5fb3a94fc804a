import Core

extension HeadwaterError {
    /// The error with the words to type in the place of `FILE --edge SESSION` and `SESSION FILE` in its remedy.
    package func withCommands(file: String, session: String) -> HeadwaterError {
        var error = self
        let file = Shell.word(file)
        error.remedy = remedy.replacing("FILE --edge SESSION", with: "\(file) --edge \(session)")
            .replacing("SESSION FILE", with: "\(session) \(file)")
        return error
    }
}

/// Text for a shell.
enum Shell {
    /// `text` as one word: in quotes where it holds more than plain characters.
    static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "/._-+,:@%=".utf8.contains(byte)
                }
            }
        return isPlain ? text : "'" + Printable.text(text).replacing("'", with: "'\\''") + "'"
    }
}
