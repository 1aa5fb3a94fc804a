extension Sequence<UInt8> {
    /// Two lower-case hexadecimal digits a byte.
    package var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

extension Digest {
    /// 32 lower-case hexadecimal digits.
    package var hex: String {
        [high, low].map { part in
            let digits = String(part, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
