import Core
import Glibc
import Platform

/// A file that stands at a path and is about to be replaced by a later version, parts of which are copied from it.
///
/// Nothing is believed of it: who puts a file together from it checks the digest of what came out.
package struct EarlierVersion: Sendable {
    private let file: Descriptor

    /// Nil where the file is not the one that was `expected`, or cannot be read. Blocks.
    init?(_ path: TreePath, _ expected: Expected, root: Int32) {
        guard case .present(.file, let identity, _, _) = expected,
            let raw = try? TreeCursor(root: root).openFile(path, O_RDONLY | O_NONBLOCK)
        else { return nil }
        file = Descriptor(owning: raw)
        guard let status = try? FileStatus(descriptor: raw), status.kind == .file, status.identity == identity else {
            return nil
        }
    }

    /// Fills the first `count` bytes of `buffer`: with what is copied, and between that with `new`, which must be just as much as is missing.
    ///
    /// - Parameter copies: rising and apart, within `count`.
    /// - Returns: false where the file does not have all that is to be copied. Blocks.
    package func compose(
        _ copies: [CopiedRange], _ new: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer, count: Int
    ) -> Bool {
        var (end, taken) = (0, 0)
        func fill(to next: Int) {
            buffer[end..<next].copyBytes(from: new[taken..<(taken + next - end)])
            (end, taken) = (next, taken + next - end)
        }
        for copy in copies {
            fill(to: Int(copy.offset))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[end..<(end + Int(copy.count))])
            guard (try? readExactly(file.raw, into: part, at: copy.origin)) != nil else { return false }
            end += part.count
        }
        fill(to: count)
        return true
    }
}

extension Stage {
    /// What stands at a path, to copy parts of it into its later version; nil where it is not what was `expected`. Blocks.
    package func earlier(_ path: TreePath, _ expected: Expected) -> EarlierVersion? {
        EarlierVersion(path, expected, root: root)
    }
}
