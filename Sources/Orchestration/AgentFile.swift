import Core
import Platform
import SSH

/// The program that far machines are to run; read and digested once, by whoever asks first.
final class AgentFile: Sendable {
    private enum State: Sendable {
        case unread
        case reading
        case read(Result<AgentBinary, HeadwaterError>)
    }

    private let path: String
    private let state = Monitor(State.unread)

    init(path: String) { self.path = path }

    /// Blocks for the disk the first time.
    ///
    /// - Throws: `agent.missing`, `agent.binary`.
    func binary() throws(HeadwaterError) -> AgentBinary {
        let known = state.wait { state -> Result<AgentBinary, HeadwaterError>?? in
            switch state {
            case .reading: return nil
            case .read(let result): return .some(result)
            case .unread:
                state = .reading
                return .some(nil)
            }
        }
        if let known { return try known.get() }
        let result = Result { () throws(HeadwaterError) in try AgentBinary(path: path, version: Version.headwater) }
        state.update { $0 = .read(result) }
        return try result.get()
    }
}
