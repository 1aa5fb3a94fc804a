import CYAML

/// Turns libyaml's events into nodes, one at a time, without recursion.
///
///   take(scalar | alias) ─► put(node) into the innermost open list or map, or as the root
///   take(start)          ─► one more open collection          take(end) ─► closed, and put as a node
struct YAMLBuilder {
    private struct Key { var text: String?, span: Span }

    /// A list or map whose end has not come yet.
    private struct Open {
        var isMapping: Bool
        var span: Span
        var items: [YAMLNode] = []
        var pairs: [YAMLPair] = []
        /// The key whose value comes next; its text is nil if it was reported and the pair is to be dropped.
        var key: Key?
        var seen: [String: Int] = [:]
    }

    private(set) var root: YAMLNode?
    private var open: [Open] = []
    private var documentCount = 0

    /// False if reading must stop here.
    mutating func take(_ event: yaml_event_t, _ findings: inout Findings) -> Bool {
        let span = Span(event.start_mark, event.end_mark)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return startDocument(event, span, &findings)
        case YAML_ALIAS_EVENT:
            reportAlias(span, &findings)
            put(YAMLNode(content: .broken, span: span), &findings)
        case YAML_SCALAR_EVENT: putScalar(event, span, &findings)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            checkProperties(anchor: start.anchor, tag: start.tag, span, &findings)
            return begin(isMapping: false, span, &findings)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            checkProperties(anchor: start.anchor, tag: start.tag, span, &findings)
            return begin(isMapping: true, span, &findings)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: close(&findings)
        default: break
        }
        return true
    }

    private mutating func startDocument(_ event: yaml_event_t, _ span: Span, _ findings: inout Findings) -> Bool {
        documentCount += 1
        let tags = event.data.document_start.tag_directives
        if tags.start != tags.end { reportTag(span, &findings) }
        if documentCount == 1 { return true }
        findings.report(
            .severalDocuments, at: span, "a second document starts here",
            remedy: "keep one topology per file, and remove this `---`")
        return false
    }

    private mutating func putScalar(_ event: yaml_event_t, _ span: Span, _ findings: inout Findings) {
        let scalar = event.data.scalar
        checkProperties(anchor: scalar.anchor, tag: scalar.tag, span, &findings)
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        if text.unicodeScalars.contains(where: SourceCheck.isControl) {
            findings.report(
                .controlCharacter, at: span, "the value \(quoted(text)) holds a control character",
                remedy: "remove the character; values are one line of printable text")
            return put(YAMLNode(content: .broken, span: span), &findings)
        }
        let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
        put(YAMLNode(content: .scalar(text, isPlain: isPlain), span: span), &findings)
    }

    private mutating func begin(isMapping: Bool, _ span: Span, _ findings: inout Findings) -> Bool {
        if open.count == YAMLDocument.depthMax {
            findings.report(
                .tooLarge, at: span, "more than \(YAMLDocument.depthMax) lists and maps within each other",
                remedy: "remove the nesting; a topology needs four levels")
            return false
        }
        open.append(Open(isMapping: isMapping, span: Span(line: span.line, column: span.column)))
        return true
    }

    private mutating func close(_ findings: inout Findings) {
        guard let closed = open.popLast() else { return }
        let content: YAMLNode.Content = closed.isMapping ? .mapping(closed.pairs) : .sequence(closed.items)
        put(YAMLNode(content: content, span: closed.span), &findings)
    }

    private mutating func put(_ node: YAMLNode, _ findings: inout Findings) {
        guard !open.isEmpty else {
            root = node
            return
        }
        let top = open.count - 1
        if !open[top].isMapping {
            open[top].items.append(node)
        } else if let key = open[top].key {
            if let text = key.text { open[top].pairs.append(YAMLPair(key: text, keySpan: key.span, value: node)) }
            open[top].key = nil
        } else {
            open[top].key = Key(text: YAMLBuilder.keyText(node, &open[top].seen, &findings), span: node.span)
        }
    }

    /// The text of a node in the place of a key; nil if the pair is to be dropped.
    /// Static, because through `self` the collections would be shared, and each key would copy all keys before it.
    private static func keyText(_ node: YAMLNode, _ seen: inout [String: Int], _ findings: inout Findings) -> String? {
        guard case .scalar(let text, let isPlain) = node.content else {
            if !node.isBroken {
                findings.report(
                    .wrongType, at: node.span, "a key must be text, not \(node.kind)", remedy: "write a name")
            }
            return nil
        }
        if text == "<<", isPlain {
            findings.report(
                .mergeKey, at: node.span, "merge keys are not part of the format",
                remedy: "use `defaults:`, or write the keys out")
            return nil
        }
        if let first = seen[text] {
            findings.report(
                .duplicateKey, at: node.span,
                "the key \(quoted(text)) stands here a second time (first on line \(first))",
                remedy: "remove one of the two")
            return nil
        }
        seen[text] = node.span.line
        return text
    }

    private func checkProperties(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ span: Span,
        _ findings: inout Findings
    ) {
        if anchor != nil { reportAlias(span, &findings) }
        if tag != nil { reportTag(span, &findings) }
    }

    private func reportAlias(_ span: Span, _ findings: inout Findings) {
        findings.report(
            .alias, at: span, "anchors and aliases are not part of the format",
            remedy: "use `defaults:`, or write the value out")
    }

    private func reportTag(_ span: Span, _ findings: inout Findings) {
        findings.report(.tag, at: span, "tags are not part of the format", remedy: "remove the tag")
    }
}
