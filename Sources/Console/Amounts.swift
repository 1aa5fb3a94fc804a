/// Numbers as a person reads them. Decimal units: 1 MB = 10⁶ bytes.
package enum Amounts {
    /// `1 204`, thousands apart.
    package static func count(_ number: UInt64) -> String {
        let digits = Array(String(number))
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { out.append(" ") }
            out.append(digit)
        }
        return out
    }

    /// `1 file`, `1 204 files`.
    package static func count(_ number: UInt64, _ singular: String, _ plural: String) -> String {
        count(number) + " " + (number == 1 ? singular : plural)
    }

    /// `0 B`, `999 B`, `4.2 GB`, `118 MB`.
    package static func bytes(_ number: UInt64) -> String { bytes(Double(number)) }

    /// `51 MB/s`.
    package static func rate(_ bytesPerSecond: Double) -> String { bytes(max(0, bytesPerSecond)) + "/s" }

    /// `2.3 s`, `1 min 05 s`, `2 h 07 min`.
    package static func seconds(_ seconds: Double) -> String {
        let value = seconds.isFinite ? min(max(0, seconds), 1e9) : 0
        if value < 59.95 { return decimal(value) + " s" }
        let whole = Int(value.rounded())
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole / 60 % 60)) min"
    }

    /// `0:12`, `12:34`, `1:02:03`; `-` when unknown or beyond 100 hours.
    package static func remaining(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 360_000 else { return "-" }
        let whole = Int(seconds.rounded(.up))
        let tail = twoDigits(whole % 60)
        return whole < 3600
            ? "\(whole / 60):\(tail)" : "\(whole / 3600):\(twoDigits(whole / 60 % 60)):\(tail)"
    }

    /// `42 %`, rounded down: 100 % is the end and nothing before it.
    package static func percent(_ fraction: Double) -> String { "\(Int(min(max(0, fraction), 1) * 100)) %" }

    private static func bytes(_ number: Double) -> String {
        if number < 999.5 { return "\(Int(number.rounded())) B" }
        var value = number
        for unit in ["kB", "MB", "GB", "TB", "PB"] {
            value /= 1000
            if value < 9.95 { return decimal(value) + " " + unit }
            if value < 999.5 { return "\(Int(value.rounded())) \(unit)" }
        }
        return "\(Int((value / 1000).rounded())) EB"
    }

    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
