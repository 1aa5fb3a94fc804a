import Core

/// The words of each refusal at start-up; exit 5, nothing touched.
package enum StartRefusal {
    /// The orchestrator puts the words to type in place of FILE and SESSION.
    static let reset = "unite both ends, which deletes nothing: headwater run FILE --edge SESSION --reset"

    /// One end has agreed on something, the other has no database.
    package static func missing(_ end: End, file: String) -> HeadwaterError {
        let above = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let remedy =
            "see that \(above.isEmpty ? "/" : above) is mounted and the right directory; if it is, put \(file) back, or \(reset)"
        switch end {
        case .remote:
            return refusal(
                "snapshot.remote-missing", true,
                "Local snapshot DB exists but remote snapshot DB \(file) does not exist", remedy)
        case .local:
            return refusal(
                "snapshot.local-missing", false,
                "Remote snapshot DB exists but local snapshot DB \(file) does not exist", remedy)
        }
    }

    static func restored(_ file: String, _ end: End, has: Int64, seen: Int64) -> HeadwaterError {
        refusal(
            "snapshot.restored", end == .remote,
            "Database \(file) is at commit \(has), but the other end has recorded its commit \(seen): "
                + "it was restored from a backup or lost what it had written",
            "put the newest \(file) back, or \(reset)")
    }

    /// Two databases that no one session made.
    package static func otherSession(_ local: String, _ remote: String) -> HeadwaterError {
        refusal(
            "snapshot.other-session", false,
            "Databases \(local) and \(remote) belong to different sessions",
            "put the right database back at the end where it was exchanged, or \(reset)")
    }

    static func diverged(_ file: String, _ here: Int64, _ there: Int64) -> HeadwaterError {
        refusal(
            "snapshot.diverged", false,
            "Database \(file) and the one of the other end name the same commits but hold different rows",
            "put a sound copy back at the end that was altered, or \(reset)",
            "\(here) agreed rows at the local end, \(there) at the remote one")
    }

    static func renamed(_ former: String, _ session: String, _ end: End) -> HeadwaterError {
        refusal(
            "snapshot.renamed", end == .remote,
            "Session \(session) has no database, but session \(former) has one for the same two directories",
            "\(moving(former)), keep the old name with `session: \(former)` at that edge, or \(reset)")
    }

    /// One end that was renamed by half, or another session's file.
    static func foreignName(_ file: String, _ recorded: String, _ session: String, atPeer: Bool = false)
        -> HeadwaterError
    {
        refusal(
            "snapshot.other-session", atPeer, "Database \(file) belongs to session \(recorded)",
            recorded == session || !Name.isValid(recorded)
                ? "put the right database back, or \(reset)"
                : "\(moving(recorded)), put the right database back, or \(reset)")
    }

    /// The orchestrator puts the words to type in place of SESSION FILE.
    private static func moving(_ former: String) -> String {
        "rename both ends (which may be repeated): headwater snapshot rename \(former) SESSION FILE"
    }

    static func changed(_ end: End, file: String, from: SessionTerms, to: SessionTerms) -> HeadwaterError {
        let atPeer = end == .remote
        if from.mode != to.mode || from.isUpstream != to.isUpstream {
            return refusal(
                "snapshot.direction-changed", atPeer,
                "Synchronization direction changed from \(direction(from, to)) to \(direction(to, from))",
                "put the old direction back, or \(reset)", file)
        }
        if from.machineHere != to.machineHere || from.machineThere != to.machineThere {
            return refusal(
                "snapshot.other-machine", atPeer, "Database \(file) was recorded between other machines",
                "run the session between the machines it was made for, or \(reset)",
                "recorded \(from.machineHere) and \(from.machineThere), now \(to.machineHere) and \(to.machineThere)")
        }
        if from.placeHere != to.placeHere || from.placeThere != to.placeThere {
            return refusal(
                "snapshot.other-places", atPeer, "Database \(file) was recorded for other directories",
                "put the old directories back, give the session another name, or \(reset)",
                "recorded \(from.placeHere) and \(from.placeThere), now \(to.placeHere) and \(to.placeThere)")
        }
        return foreignName(file, from.session, to.session, atPeer: atPeer)
    }

    /// The mode; with the end that sends where the mode alone does not tell the two apart.
    private static func direction(_ terms: SessionTerms, _ other: SessionTerms) -> String {
        if terms.mode != other.mode { return terms.mode.rawValue }
        return "\(terms.mode.rawValue) (\(terms.isUpstream ? terms.placeHere : terms.placeThere) upstream)"
    }
}
