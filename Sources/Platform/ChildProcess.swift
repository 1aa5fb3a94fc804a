import CLinux
import Glibc

/// Runs small helper programs (`ssh -G`) without a shell.
package enum ChildProcess {
    package struct Outcome: Sendable {
        package var exit: Int32
        package var output: [UInt8]
        package var errors: [UInt8]
    }

    /// Runs `arguments[0]` (found on PATH) to its end with no input; output and errors are cut at 1 MiB each.
    ///
    /// Blocks. ENOENT when there is no such program. `exit` is the exit status, 128 + n for a signal.
    package static func run(_ arguments: [String], environment: [String]? = nil) throws(SystemError) -> Outcome {
        let null = try Descriptor(at: Descriptor.workingDirectory, "/dev/null", O_RDWR)
        let output = try Pipe()
        let errors = try Pipe()
        var pid: Int32 = 0
        let failed = withCStrings(arguments) { argv in
            environment.map {
                withCStrings($0) { hw_spawn(argv[0]!, argv, $0, null.raw, output.writeEnd, errors.writeEnd, &pid) }
            }
                ?? hw_spawn(argv[0]!, argv, environ, null.raw, output.writeEnd, errors.writeEnd, &pid)
        }
        output.closeWriteEnd()
        errors.closeWriteEnd()
        if failed != 0 { throw SystemError("posix_spawn", failed) }
        let collected = collect(output.readEnd, errors.readEnd)
        var status: Int32 = 0
        try check("waitpid") { waitpid(pid, &status, 0) }
        let exit = (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return Outcome(exit: exit, output: collected.0, errors: collected.1)
    }

    private final class Pipe {
        let readEnd: Int32
        private(set) var writeEnd: Int32

        init() throws(SystemError) {
            var ends: [Int32] = [0, 0]
            try check("pipe2") { hw_pipe(&ends) }
            (readEnd, writeEnd) = (ends[0], ends[1])
        }

        func closeWriteEnd() {
            close(writeEnd)
            writeEnd = -1
        }

        deinit {
            close(readEnd)
            if writeEnd >= 0 { close(writeEnd) }
        }
    }

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }

    private static func collect(_ out: Int32, _ err: Int32) -> ([UInt8], [UInt8]) {
        var open: [Int32] = [out, err]
        var collected: [Int32: [UInt8]] = [out: [], err: []]
        var chunk = [UInt8](repeating: 0, count: 65536)
        while !open.isEmpty {
            var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if poll(&polls, nfds_t(polls.count), -1) < 0 { continue }
            for ready in polls where ready.revents != 0 {
                let got = Glibc.read(ready.fd, &chunk, chunk.count)
                if got <= 0 {
                    open.removeAll { $0 == ready.fd }
                } else if collected[ready.fd]!.count < 1 << 20 {
                    collected[ready.fd]!.append(contentsOf: chunk[..<got])
                }
            }
        }
        return (collected[out]!, collected[err]!)
    }
}
