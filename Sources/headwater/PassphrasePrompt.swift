import Console
import Core
import Orchestration
import Platform

/// Asks a person for the passphrases of private keys, while the display stands still.
enum PassphrasePrompt {
    /// nil where nobody can be asked. The end of the run ends a question, too.
    static func make(_ reporter: Reporter, _ interruption: Interruption) -> (
        @Sendable (_ path: String, _ wasWrong: Bool) -> [UInt8]?
    )? {
        make(interruption) { read in reporter.whileQuiet(read) }
    }

    /// The same where nothing is displayed meanwhile.
    static func make(_ interruption: Interruption) -> (@Sendable (_ path: String, _ wasWrong: Bool) -> [UInt8]?)? {
        make(interruption) { read in read() }
    }

    private static func make(
        _ interruption: Interruption, _ whileQuiet: @escaping @Sendable (() -> [UInt8]?) -> [UInt8]?
    ) -> (@Sendable (_ path: String, _ wasWrong: Bool) -> [UInt8]?)? {
        guard let prompt = SecretPrompt() else { return nil }
        interruption.onRequest { prompt.cancel() }
        return { path, wasWrong in
            let again = wasWrong ? "That is not it. " : ""
            return whileQuiet { prompt.read("\(again)Passphrase of the key \(Printable.text(path)): ") }
        }
    }
}
