/// A JSON document to be written, members in the order given.
package enum JSONValue: Sendable {
    case string(String)
    case integer(Int)
    case unsigned(UInt64)
    /// Written with three decimals; what is not finite becomes null.
    case number(Double)
    case bool(Bool)
    case null
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// The document in one line, RFC 8259.
    package var text: String {
        var out = ""
        append(to: &out)
        return out
    }

    private func append(to out: inout String) {
        switch self {
        case .string(let text): JSONValue.append(text, to: &out)
        case .integer(let number): out += String(number)
        case .unsigned(let number): out += String(number)
        case .number(let number): out += JSONValue.decimals(number)
        case .bool(let flag): out += flag ? "true" : "false"
        case .null: out += "null"
        case .array(let values): JSONValue.append(values, "[", "]", to: &out) { $0.append(to: &$1) }
        case .object(let members):
            JSONValue.append(members, "{", "}", to: &out) { member, out in
                JSONValue.append(member.0, to: &out)
                out += ":"
                member.1.append(to: &out)
            }
        }
    }

    /// The document over several lines, two spaces to a level, with a newline at its end. What fits on one line of 100 columns stays on it.
    package var indentedText: String {
        var out = ""
        appendIndented(to: &out, level: 0)
        return out + "\n"
    }

    private func appendIndented(to out: inout String, level: Int) {
        let short = text
        let members: [(key: String?, value: JSONValue)] =
            switch self {
            case .array(let values): values.map { (nil, $0) }
            case .object(let members): members.map { ($0.0, $0.1) }
            default: []
            }
        if members.isEmpty || short.utf8.count + 2 * level <= 100 { return out += short }
        let margin = "\n" + String(repeating: "  ", count: level)
        out += short.prefix(1)
        for (index, member) in members.enumerated() {
            out += (index > 0 ? "," : "") + margin + "  "
            if let key = member.key {
                JSONValue.append(key, to: &out)
                out += ": "
            }
            member.value.appendIndented(to: &out, level: level + 1)
        }
        out += margin + short.suffix(1)
    }

    private static func append<Element>(
        _ elements: [Element], _ open: String, _ close: String, to out: inout String,
        _ body: (Element, inout String) -> Void
    ) {
        out += open
        for (index, element) in elements.enumerated() {
            if index > 0 { out += "," }
            body(element, &out)
        }
        out += close
    }

    /// Control characters escaped, and with them what other readers take for line ends and what changes the direction of text.
    private static func append(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0x0A: out += "\\n"
            case 0x0D: out += "\\r"
            case 0x09: out += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                out += "\\u" + fourDigits(scalar.value)
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }

    private static func fourDigits(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func decimals(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "null" }
        let thousandths = Int64((number * 1000).rounded())
        let digits = String(thousandths.magnitude % 1000)
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        return (thousandths < 0 ? "-" : "") + "\(thousandths.magnitude / 1000).\(fraction)"
    }
}
