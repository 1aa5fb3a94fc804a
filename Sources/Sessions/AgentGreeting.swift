import Core
import Platform

/// The lines by which an agent makes itself known behind whatever a login shell printed. The token is the orchestrator's own, new
/// for each run, so that nothing else can look like them.
package enum AgentGreeting {
    /// The most bytes before the greeting that are taken for the noise of a login shell.
    package static let noiseBytesMax = 256 * 1024

    package static func serving(_ token: String) -> String {
        "HEADWATER-AGENT \(Version.protocolNumber) \(Version.headwater) \(token)\n"
    }

    package static func attached(_ token: String) -> String { "HEADWATER-STREAM \(token)\n" }

    /// 128 random bits, as 32 hexadecimal digits.
    package static func newToken() -> String { Host.randomBytes(16).hex }

    package static func socketName(_ token: String) -> String { "headwater-agent-\(token)" }

    /// Reads up to and with `greeting`, skipping what comes before.
    ///
    /// - Throws: `agent.no-greeting` with what came instead when the stream ends or says too much.
    package static func find(_ greeting: String, on stream: any ByteStream) throws(HeadwaterError) {
        let wanted = Array(greeting.utf8)
        var seen: [UInt8] = []
        var byte: UInt8 = 0
        while seen.count < noiseBytesMax {
            let got = try withUnsafeMutableBytes(of: &byte) { (raw) throws(HeadwaterError) in try stream.read(into: raw)
            }
            if got == 0 { break }
            seen.append(byte)
            if byte == wanted.last && seen.count >= wanted.count && seen.suffix(wanted.count).elementsEqual(wanted) {
                return
            }
        }
        // Without a word: it was ended, which another one need not be.
        let wasEnded = seen.isEmpty
        throw HeadwaterError(
            "agent.no-greeting",
            wasEnded ? "the agent ended before it said a word" : "the agent did not answer as this version does",
            remedy: "run the agent's host by hand to see what its login prints or forbids",
            exit: wasEnded ? .unreachable : .edgeFailed,
            isTransient: wasEnded, cause: Printable.text(seen.suffix(512)))
    }
}
