import Foundation

/// What a thread can become without the rest of the process: a plain user, or somebody with mounts of his own. It ends with the thread
/// and holds for the threads that it starts.
///
/// The system's own calls, since the C library's would take all threads along.
enum AsAnother {
    static let user: UInt32 = 64917
    static var isRoot: Bool { geteuid() == 0 }

    /// Without root's rights from here on; nothing where the process has none.
    static func plainUser() {
        if !isRoot { return }
        #if arch(x86_64)
            let number = 117
        #else
            let number = 147
        #endif
        typealias Call = @convention(c) (Int, UInt32, UInt32, UInt32) -> Int
        let call = unsafeBitCast(dlsym(nil, "syscall"), to: Call.self)
        precondition(call(number, .max, user, .max) == 0 && geteuid() == user, "setresuid")
    }

    /// Mounts an empty file system over `path`, seen by this thread only. Needs root.
    static func mount(over path: String) {
        typealias Unshare = @convention(c) (Int32) -> Int32
        typealias Mount =
            @convention(c) (
                UnsafePointer<CChar>?, UnsafePointer<CChar>, UnsafePointer<CChar>?, UInt, UnsafePointer<CChar>?
            ) -> Int32
        let unshare = unsafeBitCast(dlsym(nil, "unshare"), to: Unshare.self)
        let mount = unsafeBitCast(dlsym(nil, "mount"), to: Mount.self)
        precondition(unshare(0x20000) == 0, "unshare")  // CLONE_NEWNS
        precondition(mount("none", "/", nil, 0x44000, nil) == 0, "private")  // MS_REC | MS_PRIVATE
        precondition(mount("none", path, "tmpfs", 0, "size=1m") == 0, "tmpfs")
    }
}
