import Glibc

/// The far cache directory of all worlds that do not deploy agents of their own: bringing 17 MB to hundreds of new hosts was a
/// third of what the end-to-end tests took. Removed when the test program ends.
enum SharedAgents {
    private static let directory = TemporaryDirectory("agents")

    static let path: String = {
        atexit { SharedAgents.directory.remove() }
        return directory.path
    }()
}
