import CLinux
import Glibc

/// Whether anybody may be in the middle of writing to a file.
package enum Writers {
    case none
    case some
    /// The file system has no leases, or the file is somebody else's and we are not root.
    case unknown

    /// Asks the kernel by taking a read lease on `descriptor` (open for reading only) for an instant.
    ///
    /// A process that opens the file for writing in that instant is held up for its length.
    package init(of descriptor: Int32) {
        _ = Writers.breakSignalIsIgnored
        switch hw_has_no_writer(descriptor) {
        case 1: self = .none
        case 0: self = .some
        default: self = .unknown
        }
    }

    /// The kernel's word that somebody waits for the lease, which ends by itself; the signal would end this process.
    private static let breakSignalIsIgnored: Bool = {
        signal(SIGIO, SIG_IGN)
        return true
    }()
}
