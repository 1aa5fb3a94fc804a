import Core
import Glibc

/// The time of day, for what people read and what outlives a boot. Intervals are measured with `MonotonicClock`.
package enum WallClock {
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }

    /// What it was, by its present state, at a moment of `MonotonicClock` that is past.
    package static func at(_ moment: UInt64) -> Timestamp {
        let now = now
        let age = Int64(clamping: MonotonicClock.now - min(moment, MonotonicClock.now))
        let (seconds, rest) = (now.seconds - age / 1_000_000_000, Int64(now.nanoseconds) - age % 1_000_000_000)
        return Timestamp(
            seconds: rest < 0 ? seconds - 1 : seconds, nanoseconds: UInt32(rest < 0 ? rest + 1_000_000_000 : rest))
    }
}
