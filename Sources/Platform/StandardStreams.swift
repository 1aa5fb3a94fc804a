import Glibc

/// Descriptors 0, 1 and 2 of this process.
package enum StandardStreams {
    /// Opens `/dev/null` for each that the process was started without. To be called before anything else is opened: the next file
    /// would get that number, a database or a file of a tree, and what is meant for a person would be written into it.
    package static func fill() {
        var last: Int32 = 0
        while (0...2).contains(last) { last = open("/dev/null", O_RDWR | O_NOCTTY) }
        if last > 2 { close(last) }
    }
}
