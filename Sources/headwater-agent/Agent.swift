import Core
import Glibc
import Platform
import Sessions

/// The far half of Headwater: `serve` holds the trees and runs the sessions of one orchestrator, `attach` lends it a channel.
@main
enum Agent {
    static func main() {
        StandardStreams.fill()
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        Host.raiseFileLimit()
        let arguments = CommandLine.arguments.dropFirst()
        let token = arguments.dropFirst().first
        let name = arguments.dropFirst(2).first
        switch (arguments.first, token) {
        case ("serve", let token?) where isToken(token): exit(Serve(token: token).run())
        case ("attach", let token?) where isToken(token) && name.map(isToken) ?? true:
            exit(attach(token, as: name ?? ""))
        case ("--version", nil): print("headwater-agent \(Version.headwater)")
        default:
            complain("\(Version.headwater) is started by headwater over SSH; there is nothing to run by hand")
            exit(Int32(ExitCode.usage.rawValue))
        }
    }

    private static func isToken(_ text: String) -> Bool {
        (16...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
    }
}
