#pragma once
// What Swift's Glibc module cannot see: variadic functions, macros, and calls that it lacks. No logic.
// Every hw_ function returns what the call returns and leaves errno as it was set.
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// statx reduced to what a sync needs. Times: seconds and nanoseconds since the epoch.
struct hw_stat {
    uint64_t device, inode, size, links, mount, stored;  // stored: bytes of its blocks
    int64_t mtime_s, ctime_s, btime_s;
    uint32_t mtime_ns, ctime_ns, btime_ns;  // btime 0/0 where the file system has none
    uint32_t mode, uid, gid;
    uint32_t is_mount_root;
};

int hw_statx(int dirfd, const char *name, int flags, struct hw_stat *out);
int hw_openat(int dirfd, const char *name, int flags, unsigned mode);
// openat2 with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS
int hw_openat2_beneath(int dirfd, const char *path, int flags, unsigned mode);
long hw_getdents64(int fd, void *buffer, size_t size);
int hw_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int hw_utimens(int dirfd, const char *name, int64_t s, uint32_t ns);   // name NULL: the descriptor itself; never follows
int hw_syncfs(int fd);
int hw_fallocate(int fd, int64_t size);
int hw_sync_file_range_write(int fd);
int hw_ofd_lock(int fd);      // exclusive write lock on the whole file, not waiting
int hw_eventfd(void);
int hw_signalfd_block(int *signals, int count);   // blocks them in this thread, returns a signalfd
int hw_send_fds(int socket, const int *fds, int count, const void *data, size_t size);
long hw_recv_fds(int socket, int *fds, int *count, void *data, size_t size);
int hw_peer_uid(int socket, unsigned *uid, int *pid);
int hw_set_nonblocking(int fd, int on);
int hw_fs_magic(int fd, int64_t *magic, uint64_t *free_bytes, uint64_t *free_inodes);
int hw_raise_nofile(uint64_t *now);
// the soft limit of the address space in bytes; UINT64_MAX where there is none
uint64_t hw_address_space(void);
long hw_random(void *buffer, size_t size);
int hw_pipe(int *ends);                 // close-on-exec
int hw_socketpair(int *ends);           // stream, close-on-exec
void hw_thread_name(const char *name);
int hw_winsize(int fd, int *rows, int *columns);
int hw_spawn(const char *path, char *const argv[], char *const envp[], int stdin_fd, int stdout_fd, int stderr_fd, int *pid);
int hw_tcp_option(int fd, int which, int value);  // 0 NODELAY, 1 KEEPALIVE 30/10/3, 2 USER_TIMEOUT ms, 3 QUICKACK
int hw_socket_nonblocking(int family);   // stream, close-on-exec

extern const int HW_SEEK_DATA, HW_SEEK_HOLE;
extern const int HW_AT_FDCWD, HW_AT_EMPTY_PATH, HW_AT_SYMLINK_NOFOLLOW, HW_O_PATH, HW_O_NOATIME;
extern const unsigned HW_RENAME_NOREPLACE, HW_RENAME_EXCHANGE;

// Stream sockets in the abstract namespace: nothing to remove afterwards; who may use one is for hw_peer_uid to say.
int hw_abstract_listen(const char *name);
int hw_abstract_connect(const char *name);
int hw_accept(int socket);

// openat2 as hw_openat2_beneath, with RESOLVE_NO_XDEV too: EXDEV where another file system (or a bind mount) begins
int hw_openat2_within(int dirfd, const char *path, int flags);

// of any descriptor, O_PATH too
int hw_chmod_descriptor(int fd, unsigned mode);
int hw_utimens_descriptor(int fd, int64_t s, uint32_t ns);
int hw_chown_descriptor(int fd, unsigned user, unsigned group);      // -1 leaves it

// Whether some process has the file open for writing, asked by taking a read lease for an instant: 1 none, 0 some, -1 cannot tell.
// fd must be open for reading only. A writer that opens it in that instant waits for it; SIGIO must be ignored.
int hw_has_no_writer(int fd);

// What a file system can do, asked of a descriptor. Times and names are for hw_utimens and the calls of the C library.
extern const int HW_O_TMPFILE;
int hw_inode_flags(int fd, uint32_t *flags);                         // FS_IOC_GETFLAGS
// of any descriptor, O_PATH and of a symlink too
long hw_list_xattrs_descriptor(int fd, char *names, size_t size);
long hw_get_xattr_descriptor(int fd, const char *name, void *value, size_t size);
int hw_set_xattr_descriptor(int fd, const char *name, const void *value, size_t size);
int hw_remove_xattr_descriptor(int fd, const char *name);
int hw_ofd_is_locked(int fd);                                        // 1 while another description holds a lock on it, asked without taking one
// FICLONE: 0, or -1 with errno
int hw_clone(int source, int target);
// copy_file_range; offsets are advanced
long hw_copy_file_range(int source, int64_t *from, int target, int64_t *to, size_t count);
