import CSSH2
import Core
import Glibc
import Platform

/// A passphrase in memory that is wiped when nobody needs it any more.
final class Passphrase: @unchecked Sendable {
    // SAFETY: the bytes are written before `init` returns and wiped in `deinit`; in between they are only read.
    private let bytes: UnsafeMutableBufferPointer<CChar>

    /// Takes a copy; wipes the original.
    init(_ typed: inout [UInt8]) {
        bytes = .allocate(capacity: typed.count + 1)
        for (index, byte) in typed.enumerated() { bytes[index] = CChar(bitPattern: byte) }
        bytes[typed.count] = 0
        typed.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
    }

    deinit {
        if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
        bytes.deallocate()
    }

    /// Ends with NUL; valid as long as this.
    var text: UnsafePointer<CChar> { UnsafePointer(bytes.baseAddress!) }
}

/// The passphrases of encrypted private keys: each is asked for once in a run, however many hosts want the key.
///
///     unknown ──► asking ──► opened(passphrase)
///                    └────► given up: nobody answered, or three times wrong
final class Passphrases: Sendable {
    enum Answer: Sendable {
        case opened(Passphrase)
        case givenUp(HeadwaterError)
    }

    private struct State: Sendable {
        var answers: [String: Answer] = [:]
        var isAsking = false
        var isClosed = false
    }

    private static let triesMax = 3
    private let ask: SSHRun.Ask?
    private let state = Monitor(State())

    init(_ ask: SSHRun.Ask?) { self.ask = ask }

    /// Whether a person may be asked.
    var canAsk: Bool { ask != nil && !isClosed }

    var isClosed: Bool { state.read { $0.isClosed } }

    /// What is known of the key at `path`; nil when nobody was asked yet.
    func answer(_ path: String) -> Answer? { state.read { $0.answers[path] } }

    /// Asks for nothing more.
    func close() { state.update { $0.isClosed = true } }

    /// Makes sure that there is an answer for this key. Blocks while a person thinks; two questions are never asked at once.
    func resolve(_ file: IdentityFile) {
        let isMine = state.wait { state -> Bool? in
            if state.answers[file.path] != nil { return false }
            if state.isAsking { return nil }
            state.isAsking = true
            return true
        }
        if !isMine { return }
        let answer = asked(file)
        state.update { state in
            state.answers[file.path] = answer
            state.isAsking = false
        }
    }

    private func asked(_ file: IdentityFile) -> Answer {
        for number in 0..<Passphrases.triesMax {
            guard let ask, canAsk, var typed = ask(file.path, number > 0), !typed.isEmpty else {
                return .givenUp(Passphrases.unanswered(file.path))
            }
            let passphrase = Passphrase(&typed)
            if file.opens(with: passphrase) { return .opened(passphrase) }
        }
        return .givenUp(
            HeadwaterError(
                "ssh.passphrase", "the passphrase of the private key \(file.path) was wrong three times",
                remedy: "run again, or load the key into ssh-agent: ssh-add \(ShellWord.path(file.path))"))
    }

    private static func unanswered(_ path: String) -> HeadwaterError {
        HeadwaterError(
            "ssh.passphrase", "no passphrase was given for the private key \(path)",
            remedy: "run again, or load the key into ssh-agent: ssh-add \(ShellWord.path(path))")
    }
}

extension IdentityFile {
    /// Whether `passphrase` decrypts the key. Takes the time that its key derivation was made to take.
    ///
    /// libssh2 decrypts a key only to log in with it: here with a session that leads nowhere, which fails at sending where the key opened.
    func opens(with passphrase: Passphrase) -> Bool {
        guard let session = libssh2_session_init_ex(nil, nil, nil, nil) else { return false }
        defer { libssh2_session_free(session) }
        typealias Send = @convention(c) (Int32, UnsafeRawPointer?, Int, Int32, UnsafeMutableRawPointer?) -> Int
        let refuse: Send = { _, _, _, _, _ in -Int(EPIPE) }
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_SEND, unsafeBitCast(refuse, to: UnsafeMutableRawPointer.self))
        libssh2_session_set_blocking(session, 0)
        let code = content.withUnsafeBytes { content in
            libssh2_userauth_publickey_frommemory(
                session, "x", 1, nil, 0, content.baseAddress!.assumingMemoryBound(to: CChar.self), content.count,
                passphrase.text)
        }
        return code == LIBSSH2_ERROR_SOCKET_SEND
    }
}
