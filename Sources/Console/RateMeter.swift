/// The pace of the last seconds, from samples of how far something is.
package struct RateMeter: Sendable {
    /// Samples reach back this far, so that a pause shows within it and a burst does not jump.
    private static let windowNanoseconds: UInt64 = 5_000_000_000
    private static let spacingNanoseconds: UInt64 = 200_000_000

    private struct Sample {
        var bytes: UInt64
        var fraction: Double
        var at: UInt64
    }

    private var samples: [Sample] = []

    package init() {}

    /// At most 26 samples are kept. A count that goes back (another attempt) starts anew.
    package mutating func add(bytes: UInt64, fraction: Double, at now: UInt64) {
        if let last = samples.last, bytes < last.bytes { samples = [] }
        let sample = Sample(bytes: bytes, fraction: fraction, at: now)
        if samples.count > 1, now - samples[samples.count - 2].at < RateMeter.spacingNanoseconds {
            samples[samples.count - 1] = sample
        } else {
            samples.append(sample)
        }
        samples.removeAll { now - $0.at > RateMeter.windowNanoseconds }
    }

    /// 0 while unknown.
    package func bytesPerSecond(at now: UInt64) -> Double {
        guard let (first, last, seconds) = span(at: now) else { return 0 }
        return Double(last.bytes - first.bytes) / seconds
    }

    /// Until the whole is done at this pace; nil while unknown or standing still.
    package func secondsLeft(at now: UInt64) -> Double? {
        guard let (first, last, seconds) = span(at: now), last.fraction > first.fraction else { return nil }
        return (1 - last.fraction) * seconds / (last.fraction - first.fraction)
    }

    private func span(at now: UInt64) -> (Sample, Sample, Double)? {
        guard let first = samples.first, let last = samples.last, now > first.at else { return nil }
        let seconds = Double(now - first.at) / 1e9
        return samples.count < 2 || seconds < 0.2 ? nil : (first, last, seconds)
    }
}
