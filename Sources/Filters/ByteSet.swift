/// A set of bytes: what one `[…]` matches, or what may stand first or last in what a rule matches.
struct ByteSet: Hashable, Sendable {
    private var a: UInt64 = 0
    private var b: UInt64 = 0
    private var c: UInt64 = 0
    private var d: UInt64 = 0

    static let none = ByteSet()
    /// Every byte that a name can hold.
    static let ofNames: ByteSet = {
        var set = ByteSet()
        for byte in UInt8.min...UInt8.max where byte != 0 && byte != UInt8(ascii: "/") { set.insert(byte) }
        return set
    }()

    static func only(_ byte: UInt8) -> ByteSet {
        var set = ByteSet()
        set.insert(byte)
        return set
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) &<< UInt64(byte & 63)
        return switch byte >> 6 {
        case 0: a & bit != 0
        case 1: b & bit != 0
        case 2: c & bit != 0
        default: d & bit != 0
        }
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: a |= bit
        case 1: b |= bit
        case 2: c |= bit
        default: d |= bit
        }
    }

    mutating func insert(_ range: ClosedRange<UInt8>) { for byte in range { insert(byte) } }

    /// What of a name is not in it.
    var complement: ByteSet {
        var set = ByteSet()
        for byte in UInt8.min...UInt8.max where !contains(byte) && ByteSet.ofNames.contains(byte) { set.insert(byte) }
        return set
    }

    /// Bit `byte % 64` for each of its bytes.
    var folded: UInt64 { a | b | c | d }
}
