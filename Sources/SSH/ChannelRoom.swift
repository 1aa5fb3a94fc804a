/// How many channels one connection has room for, as far as the server's answers have told. Pure.
///
/// Answers reach their callers in any order: a refusal may be booked before the channels that were accepted ahead of it. How many stood is
/// therefore counted where the answers arrive.
struct ChannelRoom: Sendable {
    /// Openings that the server has not answered yet.
    private(set) var openingCount = 0
    /// Found by being refused; nil before.
    private(set) var channelsMax: Int?
    private var hasAccepted = false
    /// Refusals in a row while no channel stood.
    private var idleRefusalCount = 0

    /// - Parameters:
    ///   - standing: channels that the server still counts.
    ///   - limit: what other connections to the server were found to hold; nil while that is not known.
    func holdsMore(standing: Int, limit: Int?) -> Bool {
        // The server may free a session later than it says so.
        if idleRefusalCount > 3 { return false }
        guard let most = channelsMax ?? limit else { return true }
        return standing + openingCount < most
    }

    mutating func open() { openingCount += 1 }

    /// - Parameter standing: the new one included.
    mutating func accept(standing: Int) {
        openingCount -= 1
        hasAccepted = true
        idleRefusalCount = 0
        channelsMax = channelsMax.map { max($0, standing) }
    }

    /// True when the server allows not even one channel.
    ///
    /// - Parameter standing: when the refusal arrived.
    mutating func refuse(standing: Int) -> Bool {
        openingCount -= 1
        if !hasAccepted, openingCount == 0 { return true }
        idleRefusalCount = standing == 0 ? idleRefusalCount + 1 : 0
        channelsMax = max(1, standing)
        return false
    }

    /// The opening ended without an answer.
    mutating func giveUp() { openingCount -= 1 }
}
