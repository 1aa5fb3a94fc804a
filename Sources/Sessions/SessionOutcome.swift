import Core

/// What one cycle did, as the end that opened the session knows it.
package struct SessionOutcome: Sendable {
    package var counts: CycleCounts
    /// Bytes of all frames that this end sent and received; 0 when nothing moved.
    package var bytesSent: UInt64
    package var bytesReceived: UInt64
    /// Ended early because an operator asked for it.
    package var wasCancelled: Bool
    /// Where the two databases stood at the beginning; nil where there were none.
    package var position: SessionPosition?
}

/// Hears what happens in a session. Called from the session's threads; must not block.
package protocol SessionObserver: AnyObject, Sendable {
    func note(problem: HeadwaterError)
    func note(progress: Progress)
    func note(detail: String)
    /// What this session has moved so far, durable and recorded; it stays so however the session ends.
    func note(moved: CycleCounts)
    /// What an earlier session had moved that this end did not know of yet.
    func note(recovered: CycleCounts)
    /// What the target of a session that only plans would do, and how many more paths it would only record.
    func note(planned: [ForeseenStep], recorded: UInt64)
}

extension SessionObserver {
    package func note(moved: CycleCounts) {}
    package func note(recovered: CycleCounts) {}
    package func note(planned: [ForeseenStep], recorded: UInt64) {}
}
