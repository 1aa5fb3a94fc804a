import CLinux
import Glibc

/// What a descriptor says of the terminal behind it, if any.
package enum Terminal {
    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Rows and columns now; nil where there is no terminal or it does not say.
    package static func size(of descriptor: Int32) -> (rows: Int, columns: Int)? {
        var (rows, columns): (Int32, Int32) = (0, 0)
        guard hw_winsize(descriptor, &rows, &columns) == 0, rows > 0, columns > 0 else { return nil }
        return (Int(rows), Int(columns))
    }
}
