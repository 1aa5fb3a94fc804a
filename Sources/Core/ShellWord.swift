/// Words of a command line for a POSIX shell: what a message tells a person to type can be typed as it stands.
package enum ShellWord {
    /// As it is where it is plain, in single quotes otherwise.
    package static func quoted(_ text: String) -> String {
        isPlain(text)
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// The same for a path; `~/` at its start stays for the shell.
    package static func path(_ path: String) -> String {
        path.hasPrefix("~/") ? "~/" + quoted(String(path.dropFirst(2))) : quoted(path)
    }

    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_./:=@%+,".utf8.contains(byte)
                }
            }
    }
}
