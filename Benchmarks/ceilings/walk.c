// Looks at every entry below a directory with getdents64 and one statx each, and says how many there are.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static unsigned long count;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void walk(int directory) {
    char *buffer = malloc(1 << 16);
    long length;
    if (!buffer) fail("malloc");
    while ((length = syscall(SYS_getdents64, directory, buffer, 1 << 16)) > 0) {
        for (long at = 0; at < length;) {
            struct entry *entry = (struct entry *)(buffer + at);
            at += entry->length;
            if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
            struct statx facts;
            if (statx(directory, entry->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &facts)) fail(entry->name);
            count++;
            if (!S_ISDIR(facts.stx_mode)) continue;
            int below = openat(directory, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below < 0) fail(entry->name);
            walk(below);
            close(below);
        }
    }
    if (length < 0) fail("getdents64");
    free(buffer);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) fail(argv[1]);
    walk(root);
    printf("%lu\n", count);
    return 0;
}
