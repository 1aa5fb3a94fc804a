import Content
import Core

/// Where the state of one topology lies on this machine: `<state>/headwater/<name>-<16 hex of the file's path>/`.
package struct TopologyState: Sendable {
    package let directory: String

    /// - Parameters:
    ///   - name: of the topology, from the alphabet of sessions.
    ///   - file: path of the topology file as given; made absolute against `workingDirectory`, its symlinks kept.
    ///   - stateDirectory: `UserDirectories.state()`.
    package init(name: String, file: String, workingDirectory: String, stateDirectory: String) {
        let path = TopologyState.absolute(file, workingDirectory)
        let digest = SHA256.hash(Array(path.utf8)).prefix(8)
        directory = "\(stateDirectory)/headwater/\(name)-\(digest.hex)"
    }

    package var halts: HaltStore { HaltStore(directory: directory + "/halts") }
    package var resolutions: ResolutionStore { ResolutionStore(directory: directory + "/resolutions") }
    package var lastRuns: LastRunStore { LastRunStore(directory: directory + "/last") }

    /// `file` without `.`, `..` and doubled slashes, from the root on.
    static func absolute(_ file: String, _ workingDirectory: String) -> String {
        let whole = file.hasPrefix("/") ? file : workingDirectory + "/" + file
        var parts: [Substring] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
