import Core
import Testing

@Suite struct LocalIdentityTests {
    private static func identity(
        device: UInt64 = 1, inode: UInt64 = 2, birth: Int64 = 3, mtime: Int64 = 4, ctime: Int64 = 5
    ) -> LocalIdentity {
        func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds, nanoseconds: 7) }
        return LocalIdentity(device: device, inode: inode, birth: time(birth), mtime: time(mtime), ctime: time(ctime))
    }

    /// After a reboot the same disk may have another number: nothing on it has changed by that.
    @Test func theNumberOfTheDevice_doesNotCount() {
        #expect(Self.identity() == Self.identity(device: 9))
        #expect(Set([Self.identity(), Self.identity(device: 9)]).count == 1)
    }

    @Test(arguments: [identity(inode: 9), identity(birth: 9), identity(mtime: 9), identity(ctime: 9)])
    func everythingElse_does(other: LocalIdentity) { #expect(Self.identity() != other) }
}
