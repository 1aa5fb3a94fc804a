import CLinux
import Glibc

/// Signals as something to read, rather than a handler that interrupts whatever runs.
package final class SignalSource: Sendable {
    private let descriptor: Descriptor
    private let wakeUp: WakeUp

    /// Blocks `signals` in the calling thread and all that it starts from now on. To be made on the main thread before there is any other.
    package init(_ signals: [Int32]) throws(SystemError) {
        var numbers = signals
        let raw = try check("signalfd") { hw_signalfd_block(&numbers, Int32(numbers.count)) }
        descriptor = Descriptor(owning: raw)
        wakeUp = try WakeUp()
    }

    /// Waits for a signal; nil after `close`. One thread at a time.
    package func next() -> Int32? {
        var polls = [
            pollfd(fd: wakeUp.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if poll(&polls, 2, -1) < 0 { continue }
            if polls[0].revents != 0 { return nil }
            if polls[1].revents != 0, let signal = take() { return signal }
        }
    }

    /// Ends `next` for good.
    package func close() { wakeUp.signal() }

    private func take() -> Int32? {
        // struct signalfd_siginfo is 128 bytes, its first member the signal's number.
        var information = [UInt32](repeating: 0, count: 32)
        let got = information.withUnsafeMutableBytes { Glibc.read(descriptor.raw, $0.baseAddress!, $0.count) }
        return got == 128 ? Int32(information[0]) : nil
    }
}

extension SignalSource {
    /// Whether this process was told to ignore `signal`, as `nohup` does. A blocked signal would be read all the same.
    package static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
