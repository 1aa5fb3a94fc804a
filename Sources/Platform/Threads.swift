import CLinux
import Glibc

/// A thread of our own, for work that blocks. Must be joined; what `body` throws comes out of `join`.
package final class WorkerThread<Value: Sendable>: Sendable {
    private let outcome: Monitor<Result<Value, any Error>?>

    /// - Parameter name: at most 15 bytes, shown by `ps` and `perf`.
    package init(_ name: String, _ body: @escaping @Sendable () throws -> Value) {
        let outcome = Monitor<Result<Value, any Error>?>(nil)
        self.outcome = outcome
        let failed = startThread { WorkerThread.run(name, body, outcome) }
        if failed != 0 { WorkerThread.finish(outcome, .failure(SystemError("pthread_create", failed))) }
    }

    /// Waits for the end of `body`.
    package func join() throws -> Value { try outcome.wait { $0 }.get() }

    package var isFinished: Bool { outcome.read { $0 != nil } }

    private static func run(
        _ name: String, _ body: @Sendable () throws -> Value, _ outcome: Monitor<Result<Value, any Error>?>
    ) {
        hw_thread_name(name)
        do { finish(outcome, .success(try body())) } catch { finish(outcome, .failure(error)) }
    }

    private static func finish(_ outcome: Monitor<Result<Value, any Error>?>, _ result: Result<Value, any Error>) {
        outcome.update { $0 = result }
    }
}

/// Starts a detached thread with a stack of 1 MiB; returns 0 or the errno.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Int32 {
    let start = ThreadStart(body)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    var thread = pthread_t()
    let handle = Unmanaged.passRetained(start)
    let failed = pthread_create(
        &thread, &attributes,
        { argument in
            Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, handle.toOpaque())
    if failed != 0 { handle.release() }
    return failed
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Wakes a thread that polls: any thread may `signal`, the poller watches `raw` for POLLIN and calls `clear`.
package final class WakeUp: Sendable {
    private let descriptor: Descriptor

    package init() throws(SystemError) { descriptor = Descriptor(owning: try check("eventfd") { hw_eventfd() }) }

    package var raw: Int32 { descriptor.raw }

    package func signal() {
        var one: UInt64 = 1
        _ = Glibc.write(raw, &one, 8)
    }

    package func clear() {
        var count: UInt64 = 0
        _ = Glibc.read(raw, &count, 8)
    }
}
