import Glibc

/// A value behind a lock, with waiting for a condition on it: what `Mutex` is, for threads that must sleep until something holds.
///
/// The body must not block, call out, or enter another monitor. Only for threads of our own, never on a cooperative one.
package final class Monitor<State: Sendable>: @unchecked Sendable {
    // SAFETY: `state` is touched only between lock and unlock of `mutex`.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    package init(_ initial: State) {
        state = initial
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the state; wakes all who wait.
    package func update<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Runs `body` with the state, waking nobody.
    package func read<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result
    {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until `body` returns a value, looking again after every `update`; wakes all when it does.
    package func wait<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result?) throws(Failure)
        -> Result
    {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        while true {
            if let result = try body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// The same with a deadline of the monotonic clock (`MonotonicClock.now`, nanoseconds); nil when it passes.
    package func wait<Result, Failure: Error>(
        until deadline: UInt64, _ body: (inout State) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try look(until: deadline, body)
    }

    /// The same, waking nobody: where what `body` changes is nothing that others wait for.
    package func waitQuietly<Result, Failure: Error>(
        until deadline: UInt64, _ body: (inout State) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try look(until: deadline, body)
    }

    private func look<Result, Failure: Error>(
        until deadline: UInt64, _ body: (inout State) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        var until = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while true {
            if let result = try body(&state) { return result }
            if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { return try body(&state) }
        }
    }
}

package enum MonotonicClock {
    /// Nanoseconds since some point before the process began.
    package static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// A deadline that does not come.
    package static let never = UInt64(Int64.max)

    package static func after(seconds: Double) -> UInt64 { now + UInt64(seconds * 1e9) }
}
