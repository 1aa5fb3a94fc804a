import CLinux
import Core
import Glibc

/// Facts of this machine and process that identify the owner of a lock.
package enum Host {
    /// `/etc/machine-id`, or `unknown` where there is none: it must not change with a boot.
    package static let machineID: String = firstLine("/etc/machine-id") ?? "unknown"

    /// Changes with every boot.
    package static let bootID: String = firstLine("/proc/sys/kernel/random/boot_id")?.filter { $0 != "-" } ?? "unknown"

    package static let name: String = firstLine("/proc/sys/kernel/hostname") ?? "localhost"

    /// What `uname` says.
    package static let system: (name: String, release: String, machine: String) = {
        var names = utsname()
        guard uname(&names) == 0 else { return ("unknown", "unknown", "unknown") }
        func text(_ field: some Any) -> String {
            withUnsafeBytes(of: field) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return (text(names.sysname), text(names.release), text(names.machine))
    }()

    /// How many directories and files this user may watch; nil on a kernel without inotify.
    package static var watchesMax: UInt64? { firstLine("/proc/sys/fs/inotify/max_user_watches").flatMap { UInt64($0) } }

    /// Clock ticks since boot at which `pid` began; nil when there is no such process. With the pid it names one process for ever.
    package static func startTime(of pid: Int32) -> UInt64? {
        guard let bytes = try? readFile("/proc/\(pid)/stat", bytesMax: 4096),
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(end + 2)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, fields[0].first != UInt8(ascii: "Z") else { return nil }
        return UInt64(String(decoding: fields[19], as: UTF8.self))
    }

    /// Lifts the soft limit of open files to the hard one; returns it.
    @discardableResult
    package static func raiseFileLimit() -> UInt64 {
        var now: UInt64 = 0
        _ = hw_raise_nofile(&now)
        return now
    }

    /// What a run needs at least. A process that is refused memory in the middle cannot even say so.
    private static let addressSpaceMin: UInt64 = 1 << 30

    /// Refuses to begin where the address space of this process is limited (`ulimit -v`) to less than a run needs.
    ///
    /// - Throws: `run.address-space`.
    package static func requireAddressSpace() throws(HeadwaterError) {
        let limit = hw_address_space()
        if limit >= addressSpaceMin { return }
        throw HeadwaterError(
            "run.address-space",
            "this process may use no more than \(limit) bytes of address space; it needs \(addressSpaceMin)",
            remedy:
                "raise the limit (ulimit -v, LimitAS=) and run again; to limit memory, use a control group (MemoryMax=)"
        )
    }

    /// Bytes from the kernel's generator.
    package static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { hw_random($0.baseAddress! + filled, count - filled) }
            if got > 0 { filled += got }
        }
        return bytes
    }

    private static func firstLine(_ path: String) -> String? {
        guard let bytes = try? readFile(path, bytesMax: 4096), let line = bytes.split(separator: 10).first else {
            return nil
        }
        return String(decoding: line, as: UTF8.self)
    }
}
