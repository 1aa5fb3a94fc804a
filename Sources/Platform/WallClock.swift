import Core
import Glibc

/// The time of day, for what people read and what outlives a boot. Intervals are measured with `MonotonicClock`.
package enum WallClock {
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
}
