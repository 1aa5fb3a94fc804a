// A long-distance link: two TUN devices in two network namespaces, and between them delay, loss, a rate and a queue.
//
//   link NAMESPACE NAMESPACE DEVICE DELAY_US LOSS_PPM BITS_PER_SECOND QUEUE_BYTES SEED
//
// Each way on its own: a packet is dropped by chance (seeded), dropped where the queue is full, else put on the line
// at the rate, and handed over DELAY_US after its last bit. Packets never overtake each other. The link is plain (no
// delay, loss or rate) until SIGUSR1 and again after SIGUSR2. Says `ready` when both devices exist; at SIGTERM, what passed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { packet_bytes_max = 1600, slot_count = 1 << 15, batch = 64 };

struct packet {
    uint64_t due;
    int length;
    char bytes[packet_bytes_max];
};

struct way {
    int from, to;
    struct packet *slots;
    unsigned first, count;
    uint64_t line_free, random;
    unsigned long passed, lost, overflowed;
};

static uint64_t delay_ns, queue_bytes;
static double ns_per_byte;
static uint32_t loss_ppm;
static volatile sig_atomic_t is_shaped, has_ended;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void on_signal(int number) {
    if (number == SIGUSR1) is_shaped = 1;
    else if (number == SIGUSR2) is_shaped = 0;
    else has_ended = 1;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int device_in(const char *namespace, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET)) fail(path);
    close(there);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) fail("/dev/net/tun");
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(device, TUNSETIFF, &request)) fail(name);
    return device;
}

// xorshift64*
static uint32_t chance(struct way *way) {
    way->random ^= way->random >> 12;
    way->random ^= way->random << 25;
    way->random ^= way->random >> 27;
    return (way->random * 2685821657736338717ull >> 32) % 1000000;
}

static void take(struct way *way, uint64_t time) {
    static char refused[packet_bytes_max];
    for (int i = 0; i < batch; i++) {
        int is_full = way->count == slot_count;
        struct packet *slot = &way->slots[(way->first + way->count) % slot_count];
        int length = read(way->from, is_full ? refused : slot->bytes, packet_bytes_max);
        if (length <= 0) return;
        if (is_shaped && chance(way) < loss_ppm) {
            way->lost++;
            continue;
        }
        uint64_t start = way->line_free > time ? way->line_free : time;
        if (is_full || (is_shaped && (start - time) / ns_per_byte > queue_bytes)) {
            way->overflowed++;
            continue;
        }
        if (is_shaped) way->line_free = start + (uint64_t)(length * ns_per_byte);
        slot->length = length;
        slot->due = is_shaped ? way->line_free + delay_ns : time;
        way->count++;
    }
}

static void give(struct way *way, uint64_t time) {
    while (way->count && way->slots[way->first].due <= time) {
        struct packet *slot = &way->slots[way->first];
        if (write(way->to, slot->bytes, slot->length) < 0 && errno == EAGAIN) return;
        way->passed++;
        way->first = (way->first + 1) % slot_count;
        way->count--;
    }
}

static struct timespec until_due(struct way *ways, uint64_t time) {
    uint64_t wait = 1000000000;
    for (int i = 0; i < 2; i++) {
        if (!ways[i].count) continue;
        uint64_t due = ways[i].slots[ways[i].first].due, left = due > time ? due - time : 0;
        if (left < wait) wait = left;
    }
    return (struct timespec){.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
}

int main(int argc, char **argv) {
    if (argc != 9) return 2;
    delay_ns = strtoull(argv[4], 0, 10) * 1000;
    loss_ppm = strtoul(argv[5], 0, 10);
    ns_per_byte = 8e9 / strtod(argv[6], 0);
    queue_bytes = strtoull(argv[7], 0, 10);
    uint64_t seed = strtoull(argv[8], 0, 10) * 2654435761u + 88172645463325252ull;
    struct sigaction action = {.sa_handler = on_signal};
    for (int *number = (int[]){SIGUSR1, SIGUSR2, SIGTERM, SIGINT, 0}; *number; number++) sigaction(*number, &action, 0);
    int one = device_in(argv[1], argv[3]), other = device_in(argv[2], argv[3]);
    struct way ways[2] = {{.from = one, .to = other, .random = seed}, {.from = other, .to = one, .random = seed + 1}};
    for (int i = 0; i < 2; i++)
        if (!(ways[i].slots = calloc(slot_count, sizeof(struct packet)))) fail("calloc");
    // The tools keep all processors busy; the link must not be late because of it.
    struct sched_param priority = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR, &priority);
    puts("ready");
    fflush(stdout);
    while (!has_ended) {
        struct timespec wait = until_due(ways, now());
        struct pollfd both[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};
        ppoll(both, 2, &wait, 0);
        uint64_t time = now();
        for (int i = 0; i < 2; i++) {
            take(&ways[i], time);
            give(&ways[i], time);
        }
    }
    for (int i = 0; i < 2; i++)
        printf("way %d: %lu passed, %lu lost, %lu overflowed\n", i, ways[i].passed, ways[i].lost, ways[i].overflowed);
    return 0;
}
