import Core
import Glibc
import Platform

/// The way to a host behind a jump host: a socket pair, of which a connection takes one end and two threads serve the other.
///
///     connection ◄─► socket pair ◄─► two threads ◄─► channel (direct-tcpip) of a connection to the jump host
///
/// Either side's end ends the other: both threads go, and with them the channel and their end of the pair.
enum Tunnel {
    private static let chunkBytes = 64 * 1024

    /// Connects to the jump host where nobody has yet. Blocks.
    ///
    /// - Throws: what connecting to the jump host throws, naming it as such; `ssh.jump-connect`, `ssh.jump-refused`.
    static func open(to settings: SSHSettings, over hop: SSHSettings, _ run: SSHRun) throws(HeadwaterError)
        -> Descriptor
    {
        let channel: Channel
        do {
            channel = try run.jump(hop).openTunnel(
                host: settings.hostName, port: settings.port, seconds: settings.connectTimeoutSeconds)
        } catch {
            throw named(error, settings.alias, hop.alias)
        }
        do {
            let (near, far) = try StreamSocket.pair()
            _ = WorkerThread("jump-out") { send(from: far, to: channel) }
            _ = WorkerThread("jump-in") { receive(from: channel, to: far) }
            return near
        } catch {
            channel.close()
            throw .protocolFailure(settings.alias, "no socket pair", error.description)
        }
    }

    /// An error on the way says so. The jump host has had its own tries.
    private static func named(_ error: HeadwaterError, _ alias: String, _ hop: String) -> HeadwaterError {
        if error.isOfTunnel { return error }
        var error = error
        error.message = "on the way to \(alias), at the jump host \(hop): \(error.message)"
        error.isTransient = false
        return error
    }

    private static func send(from socket: Descriptor, to channel: Channel) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        while let got = try? checkSize("read", { read(socket.raw, buffer.baseAddress!, buffer.count) }), got > 0 {
            do throws(HeadwaterError) {
                try channel.write(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            } catch {
                break
            }
        }
        channel.close()
    }

    private static func receive(from channel: Channel, to socket: Descriptor) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        while let got = try? channel.read(into: buffer), got > 0 {
            if !sendFully(socket.raw, UnsafeRawBufferPointer(rebasing: buffer[..<got])) { break }
        }
        shutdown(socket.raw, Int32(SHUT_RDWR))
        channel.close()
    }

    private static func sendFully(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.count - done
            let sent = try? checkSize("send") {
                Glibc.send(socket, bytes.baseAddress! + done, count, Int32(MSG_NOSIGNAL))
            }
            guard let sent else { return false }
            done += sent
        }
        return true
    }
}
