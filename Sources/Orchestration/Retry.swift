import Core

/// When to try again by itself after a failure that may pass: 3 tries or 60 seconds, with backoff and jitter. Pure.
package struct Retry: Sendable {
    package static let triesMax = 3
    package static let secondsMax = 60.0

    private var tries = 0

    package init() {}

    /// Whether a try has failed already.
    package var hasTried: Bool { tries > 0 }

    /// Seconds to wait before the next try; nil to give up with `error`.
    ///
    /// - Parameters:
    ///   - elapsed: seconds since the first try began.
    ///   - jitter: 0 to 1, from a generator.
    package mutating func delay(after error: HeadwaterError, elapsed: Double, jitter: Double) -> Double? {
        tries += 1
        guard error.isTransient, tries < Retry.triesMax else { return nil }
        let backoff = Double(1 << (tries - 1)) * (0.5 + 0.5 * min(max(jitter, 0), 1))
        return elapsed + backoff < Retry.secondsMax ? backoff : nil
    }
}
