import Testing

@testable import SSH

/// What answers tell of a connection's room, in whatever order they are booked.
@Suite struct ChannelRoomTests {
    private func asked(_ count: Int) -> ChannelRoom {
        var room = ChannelRoom()
        for _ in 0..<count {
            #expect(room.holdsMore(standing: 0, limit: nil))
            room.open()
        }
        return room
    }

    /// One that does not mean that the server allows no channel at all.
    private func expectRefusal(_ room: inout ChannelRoom, standing: Int) {
        let isUseless = room.refuse(standing: standing)
        #expect(!isUseless)
    }

    @Test func refusalBookedBeforeWhatWasAccepted_tellsTheRightNumber() {
        var room = asked(12)
        expectRefusal(&room, standing: 10)
        #expect(room.channelsMax == 10)
        for standing in 1...10 { room.accept(standing: standing) }
        expectRefusal(&room, standing: 10)
        #expect(room.channelsMax == 10)
        #expect(!room.holdsMore(standing: 10, limit: 3) && room.holdsMore(standing: 9, limit: 3))
    }

    @Test func manyRefusalsBesideWhatStands_leaveTheConnectionOfUse() {
        var room = asked(64)
        for standing in 1...10 { room.accept(standing: standing) }
        for _ in 0..<54 { expectRefusal(&room, standing: 10) }
        #expect(!room.holdsMore(standing: 10, limit: 10) && room.holdsMore(standing: 9, limit: 10))
    }

    @Test func newConnection_isLimitedByWhatIsKnown_asThatChanges() {
        let room = ChannelRoom()
        #expect(!room.holdsMore(standing: 3, limit: 3) && room.holdsMore(standing: 3, limit: 10))
    }

    @Test func refusedWhileNothingStands_isGivenUp_insteadOfAskedForEver() {
        var room = asked(1)
        room.accept(standing: 1)
        for _ in 0..<4 {
            #expect(room.holdsMore(standing: 0, limit: nil))
            room.open()
            expectRefusal(&room, standing: 0)
        }
        #expect(!room.holdsMore(standing: 0, limit: nil))
    }

    @Test func serverWithoutSessions_isTold() {
        var room = asked(2)
        let isFirstTold = room.refuse(standing: 0)
        let isLastTold = room.refuse(standing: 0)
        #expect(!isFirstTold && isLastTold)
    }
}
