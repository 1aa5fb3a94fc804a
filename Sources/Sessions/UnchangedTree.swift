import Content
import Core
import Glibc
import Platform
import Reconciliation
import Roots
import Snapshots

/// That a tree was found to be just what its session's rows say, as a note beside `snap.db`: as long as both are what they were then, no
/// row has to be read to know that nothing has changed.
///
/// The note holds a digest of both. What a scan sees of an entry cannot stay the same when the entry changes: nobody sets a ctime, and
/// a row that could have missed a change in the same tick of the clock is not taken for equal in the first place. Anything else in the
/// place of the note, or none, costs one comparison.
struct UnchangedTree {
    private static let name = "unchanged"
    private static let magic = Array("HWsame01".utf8)
    private static let bytes = magic.count + 16 + 8 + 8

    private let directory: SessionDirectory
    private let mark: Digest
    private let isPlan: Bool

    /// Of the rows as they are now: what is recorded while the two are compared leaves the note without use.
    ///
    /// Nil where more than rows and scan decides: with `--verify`, links that are followed, and what is read beside a scan.
    init?(_ end: SessionEnd, _ image: TreeImage) {
        guard end.rowCount > 0, !end.isVerifying, end.policy.symlinks != .follow,
            end.preserved.items.isSubset(of: .standard), image.problems.isEmpty
        else { return nil }
        (directory, isPlan) = (end.directory, end.isPlan)
        var stream = DigestStream()
        let tree = image.digest
        withUnsafeBytes(of: (tree.high, tree.low, end.stateMark)) { stream.update($0) }
        withUnsafeBytes(of: (end.filter.digest.high, end.filter.digest.low)) { stream.update($0) }
        withUnsafeBytes(of: (UInt64(end.preserved.items.rawValue), UInt64(geteuid()))) { stream.update($0) }
        for path in [end.neverSynced.mark, end.neverSynced.attic] {
            withUnsafeBytes(of: UInt64(bitPattern: Int64(path?.key.count ?? -1))) { stream.update($0) }
            path?.key.withUnsafeBytes { stream.update($0) }
        }
        mark = stream.finish()
    }

    /// How many entries were not synced by their kind, where the note is of this very tree and these very rows.
    var untrackedCount: Int? {
        guard let opened = try? directory.open(),
            let note = try? OwnFile.read(at: opened.raw, UnchangedTree.name, bytesMax: UInt64(UnchangedTree.bytes)),
            note.count == UnchangedTree.bytes
        else { return nil }
        let count = note.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)) }
        return note == text(count) ? Int(exactly: count) : nil
    }

    /// Notes it. What fails costs the next run a comparison.
    func note(untrackedCount: Int) {
        guard !isPlan, let opened = try? directory.open() else { return }
        try? OwnFile.replace(at: opened.raw, UnchangedTree.name, with: text(UInt64(untrackedCount)))
    }

    private func text(_ untrackedCount: UInt64) -> [UInt8] {
        var text = UnchangedTree.magic
        for word in [mark.high, mark.low, untrackedCount] {
            withUnsafeBytes(of: word.littleEndian) { text += Array($0) }
        }
        withUnsafeBytes(of: text.withUnsafeBytes { Hash.xxh3($0) }.littleEndian) { text += Array($0) }
        return text
    }
}
