#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

const int HW_AT_FDCWD = AT_FDCWD, HW_AT_EMPTY_PATH = AT_EMPTY_PATH, HW_AT_SYMLINK_NOFOLLOW = AT_SYMLINK_NOFOLLOW;
const int HW_SEEK_DATA = SEEK_DATA, HW_SEEK_HOLE = SEEK_HOLE;
const int HW_O_PATH = O_PATH, HW_O_NOATIME = O_NOATIME;
const unsigned HW_RENAME_NOREPLACE = RENAME_NOREPLACE, HW_RENAME_EXCHANGE = RENAME_EXCHANGE;

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

int hw_statx(int dirfd, const char *name, int flags, struct hw_stat *out) {
    struct statx s;
    if (statx(dirfd, name, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &s))
        return -1;
    out->device = ((uint64_t)s.stx_dev_major << 32) | s.stx_dev_minor;
    out->inode = s.stx_ino;
    out->size = s.stx_size;
    out->links = s.stx_nlink;
    out->stored = s.stx_blocks * 512;
    out->mount = 0;
    out->mtime_s = s.stx_mtime.tv_sec;
    out->mtime_ns = s.stx_mtime.tv_nsec;
    out->ctime_s = s.stx_ctime.tv_sec;
    out->ctime_ns = s.stx_ctime.tv_nsec;
    out->btime_s = (s.stx_mask & STATX_BTIME) ? s.stx_btime.tv_sec : 0;
    out->btime_ns = (s.stx_mask & STATX_BTIME) ? s.stx_btime.tv_nsec : 0;
    out->mode = s.stx_mode;
    out->uid = s.stx_uid;
    out->gid = s.stx_gid;
    out->is_mount_root = (s.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return 0;
}

int hw_openat(int dirfd, const char *name, int flags, unsigned mode) { return openat(dirfd, name, flags, mode); }

int hw_openat2_beneath(int dirfd, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = (flags & (O_CREAT | __O_TMPFILE)) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

long hw_getdents64(int fd, void *buffer, size_t size) { return syscall(SYS_getdents64, fd, buffer, size); }

int hw_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int hw_utimens(int dirfd, const char *name, int64_t s, uint32_t ns) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = s, .tv_nsec = ns}};
    return name ? utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(dirfd, times);
}

int hw_syncfs(int fd) { return syncfs(fd); }
int hw_fallocate(int fd, int64_t size) { return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size); }
int hw_sync_file_range_write(int fd) { return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

int hw_ofd_lock(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int hw_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int hw_signalfd_block(int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL)) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int hw_send_fds(int socket, const int *fds, int count, const void *data, size_t size) {
    char control[CMSG_SPACE(sizeof(int) * 8)];
    memset(control, 0, sizeof control);
    struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > 8) { errno = EINVAL; return -1; }
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

long hw_recv_fds(int socket, int *fds, int *count, void *data, size_t size) {
    char control[CMSG_SPACE(sizeof(int) * 8)];
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    int room = *count;
    *count = 0;
    if (got < 0) return got;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        int n = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        int received[8];
        memcpy(received, CMSG_DATA(h), sizeof(int) * n);
        for (int i = 0; i < n; i++) {
            if (*count < room) fds[(*count)++] = received[i];
            else close(received[i]);
        }
    }
    return got;
}

int hw_peer_uid(int socket, unsigned *uid, int *pid) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size)) return -1;
    *uid = credentials.uid;
    *pid = credentials.pid;
    return 0;
}

int hw_set_nonblocking(int fd, int on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int hw_fs_magic(int fd, int64_t *magic, uint64_t *free_bytes, uint64_t *free_inodes) {
    struct statfs s;
    if (fstatfs(fd, &s)) return -1;
    *magic = s.f_type;
    *free_bytes = (uint64_t)s.f_bavail * (uint64_t)s.f_bsize;
    *free_inodes = s.f_ffree;
    return 0;
}

int hw_raise_nofile(uint64_t *now) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return -1;
    limit.rlim_cur = limit.rlim_max;
    int result = setrlimit(RLIMIT_NOFILE, &limit);
    *now = limit.rlim_cur;
    return result;
}

uint64_t hw_address_space(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) ? UINT64_MAX : limit.rlim_cur;
}

long hw_random(void *buffer, size_t size) { return getrandom(buffer, size, 0); }

int hw_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }
int hw_socketpair(int *ends) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

void hw_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int hw_winsize(int fd, int *rows, int *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size)) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

int hw_spawn(const char *path, char *const argv[], char *const envp[], int in, int out, int err, int *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    pid_t child = 0;
    int result = posix_spawnp(&child, path, &actions, &attributes, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    *pid = child;
    return result;
}

int hw_tcp_option(int fd, int which, int value) {
    int one = 1, idle = 30, interval = 10, count = 3;
    switch (which) {
    case 0: return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    case 1:
        if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one)) return -1;
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
        return setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    case 2: return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
    case 3: return setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &value, sizeof value);
    }
    errno = EINVAL;
    return -1;
}

// Tries every address in turn; timeout_ms is for the whole. Returns a connected non-blocking socket, or
// -1 with errno, or -2 when the name does not resolve; message says what failed.
int hw_socket_nonblocking(int family) {
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static socklen_t abstract_address(const char *name, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(name);
    if (length > sizeof address->sun_path - 1) length = sizeof address->sun_path - 1;
    memcpy(address->sun_path + 1, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

int hw_abstract_listen(const char *name) {
    struct sockaddr_un address;
    socklen_t size = abstract_address(name, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 128)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int hw_abstract_connect(const char *name) {
    struct sockaddr_un address;
    socklen_t size = abstract_address(name, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, size)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int hw_accept(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

int hw_openat2_within(int dirfd, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

// The magic link of a descriptor: what kernels before 6.6 (chmod) and 5.8 (utimensat) offer for O_PATH.
static void descriptor_link(int fd, char *path, size_t size) { snprintf(path, size, "/proc/self/fd/%d", fd); }

int hw_chmod_descriptor(int fd, unsigned mode) {
    char path[40];
    int result = (int)syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH);
    if (result == 0 || (errno != ENOSYS && errno != EINVAL)) return result;
    descriptor_link(fd, path, sizeof path);
    return chmod(path, mode);
}

int hw_utimens_descriptor(int fd, int64_t s, uint32_t ns) {
    char path[40];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = s, .tv_nsec = ns}};
    int result = utimensat(fd, "", times, AT_EMPTY_PATH);
    if (result == 0 || errno != EINVAL) return result;
    descriptor_link(fd, path, sizeof path);
    return utimensat(AT_FDCWD, path, times, 0);
}

int hw_chown_descriptor(int fd, unsigned user, unsigned group) {
    return fchownat(fd, "", (uid_t)user, (gid_t)group, AT_EMPTY_PATH);
}

long hw_list_xattrs_descriptor(int fd, char *names, size_t size) {
    char path[40];
    descriptor_link(fd, path, sizeof path);
    return listxattr(path, names, size);
}

long hw_get_xattr_descriptor(int fd, const char *name, void *value, size_t size) {
    char path[40];
    descriptor_link(fd, path, sizeof path);
    return getxattr(path, name, value, size);
}

int hw_set_xattr_descriptor(int fd, const char *name, const void *value, size_t size) {
    char path[40];
    descriptor_link(fd, path, sizeof path);
    return setxattr(path, name, value, size, 0);
}

int hw_remove_xattr_descriptor(int fd, const char *name) {
    char path[40];
    descriptor_link(fd, path, sizeof path);
    return removexattr(path, name);
}

int hw_has_no_writer(int fd) {
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(fd, F_SETLEASE, F_UNLCK);
        return 1;
    }
    return errno == EAGAIN ? 0 : -1;
}

const int HW_O_TMPFILE = O_TMPFILE;

int hw_inode_flags(int fd, uint32_t *flags) {
    unsigned long wide = 0;  // the kernel writes an int, and says long
    if (ioctl(fd, FS_IOC_GETFLAGS, &wide)) return -1;
    *flags = (uint32_t)wide;
    return 0;
}

int hw_ofd_is_locked(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &lock)) return -1;
    return lock.l_type != F_UNLCK;
}

int hw_clone(int source, int target) { return ioctl(target, FICLONE, source); }

long hw_copy_file_range(int source, int64_t *from, int target, int64_t *to, size_t count) {
    loff_t in = *from, out = *to;
    long copied = copy_file_range(source, &in, target, &out, count, 0);
    *from = in;
    *to = out;
    return copied;
}
