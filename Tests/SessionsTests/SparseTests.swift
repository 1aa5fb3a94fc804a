import Content
import Core
import Foundation
import Sessions
import Testing

/// Holes of sparse files are holes at the other end, and cost next to nothing on their way.
@Suite struct SparseTests {
    private static let tree = """
        truncate -s 64M source/large; head -c 1048576 /dev/urandom | dd of=source/large bs=1M seek=30 conv=notrunc status=none
        truncate -s 80M source/hole; truncate -s 300000 source/small; printf end >> source/small; truncate -s 5000 source/tiny
        head -c 2M /dev/urandom > source/full; head -c 2M /dev/zero > source/zeros; truncate -s 3M source/full
        touch -d 2001-02-03 source/*
        """

    /// KiB on the disk.
    private func stored(_ ends: TwoEnds, _ tree: String) -> [String: Int] {
        ends.shell("(cd \(tree); stat -c '%n %b' *) > stored")
        let lines = (ends.text("stored") ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Int($0[1])! / 2) })
    }

    @Test(arguments: [false, true])
    func holesStayHoles(sharing: Bool) async {
        let ends = TwoEnds(sharing: sharing)
        ends.shell(Self.tree)
        let ran = await ends.run()
        #expect(ran.error == nil && ran.problems.isEmpty)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        let (there, here) = (stored(ends, ends.source), stored(ends, ends.target))
        for (name, size) in there { #expect(here[name]! <= size + 64, "\(name): \(size) KiB, \(here[name]!) here") }
        #expect(ran.outcome.map { $0.bytesSent < 4_500_000 } == true, "\(String(describing: ran.outcome))")
        let again = await ends.run()
        #expect(again.error == nil && again.outcome?.counts == CycleCounts())
        ends.shell(
            "printf x | dd of=source/large bs=1 seek=50000000 conv=notrunc status=none; truncate -s 10M source/hole")
        #expect(await ends.run().error == nil)
        #expect(ends.listing(ends.source) == ends.listing(ends.target))
        #expect(stored(ends, ends.target)["large"]! <= stored(ends, ends.source)["large"]! + 64)
        #expect(await ends.run().outcome?.counts == CycleCounts())
    }
}
