import Content
import Core
import Reconciliation
import Roots
import Wire

/// How a target takes content, and what comes in the place of it.
extension Target {
    /// A frame of one of these kinds.
    func take(content frame: Frame) throws(HeadwaterError) {
        switch frame.kind {
        case .content:
            for put in try incoming.accept(
                try decoding { () throws(WireFault) in try ContentMessage(decoding: frame.payload) })
            { batch.add(put.step, put.content) }
        case .segment:
            if let put = try incoming.accept(
                try decoding { () throws(WireFault) in try SegmentMessage(decoding: frame.payload) })
            {
                batch.add(put.step, put.content)
            }
            let again = incoming.takeSpoiled()
            if !again.isEmpty { try say(decidedBefore: decidedBefore, again) }
        case .same:
            for file in try decoding({ () throws(WireFault) in try SameMessage(decoding: frame.payload) }).files {
                try take(same: file)
            }
        case .promised:
            for put in try incoming.accept(
                try decoding { () throws(WireFault) in try PromisedMessage(decoding: frame.payload) })
            { batch.add(put.step, put.content) }
        default:
            for file in try decoding({ () throws(WireFault) in try SameMessage(decoding: frame.payload) }).files {
                try take(lent: file)
            }
        }
    }

    /// Stages a file that the source, in this process too, has lent open.
    func take(lent file: SentFile) throws(HeadwaterError) {
        guard let lent = end.lent, let stage, let source = lent.take(file.index) else {
            throw .protocolBroken(WireFault("change \(file.index) lent to another process"))
        }
        let wanted = try incoming.take(file.index)
        let inbox = inbox
        let taken: (staged: StagedFile, digest: Digest)?
        do throws(HeadwaterError) {
            let here = wanted.here(file.attributes, end.preserved)
            let dressing = end.preserved.dressing(here, isNew: true)
            taken = try stage.file(here, dressing, contentOf: source.descriptor) { inbox.isCancelled }
        } catch {
            if source.isUnchanged { throw error }
            return note(problem: .unreadable(wanted.path, ReadFault.changed))
        }
        guard let taken else { return }
        guard source.isUnchanged else {
            taken.staged.discard()
            return note(problem: .unreadable(wanted.path, ReadFault.changed))
        }
        lent.settle(file.index, taken.digest)
        let sent = SentFile(index: file.index, attributes: file.attributes, digest: taken.digest)
        let put = IncomingContent.planned(taken.staged, wanted, sent)
        batch.add(put.step, put.content)
    }

    /// Takes the source's digest of a file: an answer to a comparison, or of content that is here already.
    func take(same file: SentFile) throws(HeadwaterError) {
        guard let steps = try answered(file) else {
            return try batch.add(same: file, try incoming.take(file.index))
        }
        let items = try take(steps)
        if !items.isEmpty { try say(decidedBefore: decidedBefore, items) }
    }

    private func answered(_ file: SentFile) throws(HeadwaterError) -> [BidiStep]? {
        let sent = AgreedEntry(attributes: file.attributes, digest: file.digest)
        if let bidi { return try bidi.take(file.index, sent) }
        return try conflicts?.take(file.index, sent)
    }
}
