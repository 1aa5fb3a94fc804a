import Foundation

/// The real binaries, as `make test` built them.
package enum Headwater {
    package struct Missing: Error, CustomStringConvertible {
        package var description: String
    }

    /// The directory of `headwater` and `headwater-agent`, named by HEADWATER_BIN_DIR.
    ///
    /// - Throws: `Missing` when it is not set or holds no binaries: these tests never pass by not running.
    package static func binaries() throws -> String {
        guard let directory = ProcessInfo.processInfo.environment["HEADWATER_BIN_DIR"] else {
            throw Missing(description: "HEADWATER_BIN_DIR is not set; run the end-to-end tests through `make test`")
        }
        for name in ["headwater", "headwater-agent"] where access("\(directory)/\(name)", X_OK) != 0 {
            throw Missing(description: "\(directory)/\(name) is not there; build it with scripts/build.sh")
        }
        return directory
    }

    /// Runs `headwater` to its end.
    ///
    /// - Parameter environment: all of it; see `World.environment` for an isolated one.
    package static func run(
        _ arguments: [String], environment: [String: String], stdin: String = "", directory: String = "/",
        limitSeconds: Int = 120
    ) async throws -> RunningProcess.Outcome {
        try await start(
            arguments, environment: environment, stdin: stdin, directory: directory, limitSeconds: limitSeconds
        ).outcome()
    }

    /// Starts `headwater` and leaves it running.
    package static func start(
        _ arguments: [String], environment: [String: String], stdin: String = "", directory: String = "/",
        limitSeconds: Int = 120
    ) throws -> RunningProcess {
        try RunningProcess(
            [binaries() + "/headwater"] + arguments, environment: environment, directory: directory, stdin: stdin,
            limitSeconds: limitSeconds)
    }

    /// Runs a program of the system (`sqlite3`, `mount`) and returns what it wrote.
    package static func tool(_ arguments: [String]) async throws -> RunningProcess.Outcome {
        try await RunningProcess(["/usr/bin/env"] + arguments, environment: ["PATH": systemPath]).outcome()
    }

    static let systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

/// The path of a program of the tests' own, built beside the test bundle.
package func builtBeside(_ name: String) -> String {
    let bundles = Bundle.allBundles.map(\.bundleURL) + [Bundle.main.bundleURL]
    for bundle in bundles {
        for directory in [bundle, bundle.deletingLastPathComponent()] {
            let place = directory.appendingPathComponent(name)
            if access(place.path, X_OK) == 0 { return place.path }
        }
    }
    fatalError("\(name) is not built")
}
