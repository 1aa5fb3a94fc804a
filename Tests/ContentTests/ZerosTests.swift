import Content
import Core
import Testing

@Suite struct ZerosTests {
    @Test(
        arguments: [
            (0, [], []), (0, [(0, 4096)], []), (0, [(1, 1)], [0..<1]), (0, [(0, 100)], []),
            (0, [(0, 4096), (7, 1), (0, 8191)], [4096..<8192]), (100, [(0, 4096)], [0..<3996]),
            (0, [(1, 5000), (0, 7288)], [0..<8192]), (4096, [(0, 8191), (1, 1)], [4096..<8192]),
        ] as [(UInt64, [(UInt8, Int)], [Range<Int>])])
    func data_isWhatIsNoWholeBlockOfZeros(_ offset: UInt64, _ runs: [(UInt8, Int)], _ ranges: [Range<Int>]) {
        let bytes = runs.flatMap { Array(repeating: $0.0, count: $0.1) }
        #expect(bytes.withUnsafeBytes { Zeros.dataRanges(of: $0, at: offset) } == ranges)
    }

    @Test(arguments: [0, 1, 4095, 512 * 1024])
    func digest_isThatOfSoManyZeros(_ count: Int) {
        #expect(Zeros.digest(count: count) == [UInt8](repeating: 0, count: count).withUnsafeBytes { Hash.digest($0) })
    }
}
