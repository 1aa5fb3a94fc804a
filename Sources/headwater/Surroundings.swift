import Console
import Foundation
import Orchestration
import Platform

/// What the process finds around itself.
enum Surroundings {
    static let environment = ProcessInfo.processInfo.environment

    static func style(of descriptor: Int32, noColour: Bool) -> Style {
        StandardOutput.style(of: descriptor, noColour: noColour, environment: environment)
    }

    /// Columns of the terminal behind standard output; 100 without one.
    static var columns: Int { Terminal.size(of: 1)?.columns ?? 100 }

    static var workingDirectory: String { FileManager.default.currentDirectoryPath }

    static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }

    static var directories: UserDirectories { UserDirectories(environment: environment) }

    /// The agent that far hosts are to run: `$HEADWATER_AGENT`, or `headwater-agent` beside this program.
    static var agentBinary: String {
        if let named = environment["HEADWATER_AGENT"], !named.isEmpty { return named }
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "headwater"
        return URL(fileURLWithPath: program).deletingLastPathComponent().path + "/headwater-agent"
    }
}
