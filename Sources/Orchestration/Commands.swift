import Core

extension HeadwaterError {
    /// The error with the words to type in the place of `FILE --edge SESSION` and `SESSION FILE` in its remedy.
    package func withCommands(file: String, session: String) -> HeadwaterError {
        var error = self
        let file = ShellWord.quoted(file)
        error.remedy = remedy.replacing("FILE --edge SESSION", with: "\(file) --edge \(session)")
            .replacing("SESSION FILE", with: "\(session) \(file)")
        return error
    }
}
