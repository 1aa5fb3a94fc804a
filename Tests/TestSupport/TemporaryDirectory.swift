import Foundation

/// A directory of its own for one test, removed with everything in it (read-only directories too) when the last reference goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init(_ label: String = "test", in parent: String? = nil) {
        let parent = parent ?? ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/headwater-\(label)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// A path beneath the directory.
    package func callAsFunction(_ relative: String) -> String { path + "/" + relative }

    deinit { remove() }

    /// Now, and not only when the last reference goes.
    func remove() {
        let removal = Process()
        removal.executableURL = URL(fileURLWithPath: "/bin/sh")
        removal.arguments = ["-c", "chmod -R u+rwX -- \"$1\" 2>/dev/null; rm -rf -- \"$1\"", "sh", path]
        try? removal.run()
        removal.waitUntilExit()
    }
}
