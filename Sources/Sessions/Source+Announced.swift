import Core
import Roots
import Wire

extension Source {
    /// A change that was announced and is not recorded yet.
    struct Announced {
        var path: TreePath
        var record: ChangeRecord.State
        var request: ReadRequest?
        /// Answers an ask: the row stands already.
        var isAnswer: Bool
        /// The bundle of small files that travel together.
        var pack: Int
        var sent: SentContent?
        /// Its digest was said already: its content may be wanted in any order.
        var wasCompared = false
        /// What was asked for: each once.
        var isCompared = false, isWanted = false, isWantedAgain = false
    }

    /// What was delivered for a change, to be recorded once the target has it.
    struct SentContent {
        var attributes: Attributes
        /// Nil only in a plan, which has not read it.
        var digest: Digest?
        /// Nil where a write in the same tick of the clock could go unnoticed: the next cycle reads the file again.
        var identity: LocalIdentity?
        /// Only what it is was said: the target has it already.
        var isThere = false
    }
}

extension Source.Announced {
    /// Whether content can be asked for.
    private var isFile: Bool {
        switch record {
        case .file, .touchedFile: true
        case .absent, .directory, .symlink, .conflict: false
        }
    }

    /// - Parameter last: the latest change whose content was wanted.
    func mayBeWanted(_ item: WantMessage.Item, after last: Int) -> Bool {
        if !isFile { return false }
        if item.isComparison { return !isCompared }
        if item.isAgain { return isWanted && !isWantedAgain && pack < 0 }
        return !isWanted && (item.index > last || wasCompared)
    }
}
