/// Makes bytes and text from elsewhere fit to be shown: no control characters, no invalid UTF-8, no bidirectional overrides.
package enum Printable {
    /// Valid UTF-8 is kept; control characters, invalid bytes and backslashes become `\xNN`, harmful scalars `\u{…}`.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        var out = ""
        var rest = Array(bytes)[...]
        while let first = rest.first {
            let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
            if let valid = String(validating: rest.prefix(length), as: UTF8.self),
                let scalar = valid.unicodeScalars.first
            {
                append(scalar, to: &out)
                rest = rest.dropFirst(length)
            } else {
                out += hex(first)
                rest = rest.dropFirst()
            }
        }
        return out
    }

    package static func text(_ string: String) -> String { text(string.utf8) }

    /// The bytes of which `text` made this, so that what was shown can be typed; nil where a backslash begins none of its escapes.
    package static func bytes(_ shown: String) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = Array(shown.utf8)[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "\\") {
                out.append(byte)
                continue
            }
            guard let escaped = escape(&rest) else { return nil }
            out += escaped
        }
        return out
    }

    /// What follows a backslash: another one, `xNN` or `u{…}`.
    private static func escape(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        func number(_ digits: some Sequence<UInt8>) -> UInt32? {
            UInt32(String(decoding: Array(digits), as: UTF8.self), radix: 16)
        }
        switch rest.popFirst() {
        case UInt8(ascii: "\\"): return [UInt8(ascii: "\\")]
        case UInt8(ascii: "x"):
            guard rest.count >= 2, let value = number(rest.prefix(2)), value < 256 else { return nil }
            rest.removeFirst(2)
            return [UInt8(value)]
        case UInt8(ascii: "u"):
            guard rest.popFirst() == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")),
                rest.distance(from: rest.startIndex, to: end) <= 6, let value = number(rest[..<end]),
                let scalar = Unicode.Scalar(value)
            else { return nil }
            rest = rest[(end + 1)...]
            return Array(String(Character(scalar)).utf8)
        default: return nil
        }
    }

    /// The same for a line that was made to be shown, such as a remedy: its backslashes stay as they are.
    package static func line(_ string: String) -> String {
        var out = ""
        for scalar in string.unicodeScalars {
            if scalar == "\\" { out.unicodeScalars.append(scalar) } else { append(scalar, to: &out) }
        }
        return out
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout String) {
        switch scalar.value {
        case 0..<0x20, 0x7F: out += hex(UInt8(scalar.value))
        case 0x5C: out += "\\\\"
        case 0x80..<0xA0, 0x200B...0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029, 0xFEFF:
            out += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: out.unicodeScalars.append(scalar)
        }
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = Array("0123456789abcdef")
        return "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }
}
