import Content
import SSH
import Snapshots
import Topologies

/// The libraries that are linked into the program.
package enum Libraries {
    /// Name and version of each, as the library itself says it.
    package static var versions: [(name: String, version: String)] {
        [
            ("libssh2", Connection.libraryVersion), ("zlib", Connection.compressionVersion), ("SQLite", sqliteVersion),
        ] + Content.LinkedLibraries.versions + Topologies.LinkedLibraries.versions
    }
}
