import Core

/// Whether a file was changed so shortly before it was read that a further write could have got the same ctime.
///
/// As git does for its index: a kernel before 6.13 stamps times with its tick (at most 10 ms), some file systems with whole seconds.
enum Racy {
    private static let tickNanoseconds: Int64 = 10_000_000
    private static let coarseNanoseconds: Int64 = 2_000_000_000

    static func isRacy(_ identity: LocalIdentity, readAt: Timestamp) -> Bool {
        let (seconds, overflow) = readAt.seconds.subtractingReportingOverflow(identity.ctime.seconds)
        if overflow || abs(seconds) > 1 << 30 { return readAt < identity.ctime }
        let age = seconds * 1_000_000_000 + Int64(readAt.nanoseconds) - Int64(identity.ctime.nanoseconds)
        return age < (identity.ctime.nanoseconds == 0 ? coarseNanoseconds : tickNanoseconds)
    }
}
