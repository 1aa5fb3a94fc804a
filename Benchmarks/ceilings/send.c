// Sends a number of bytes over SSH with libssh2 and nothing else, and says the processor seconds that took here:
// what a tool that speaks SSH through libssh2 cannot go below.
//
//   send ADDRESS PORT USER KEY BYTES
#include <arpa/inet.h>
#include <libssh2.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "send: %s\n", what);
    exit(1);
}

static double processor_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int socket_ = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (connect(socket_, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    libssh2_init(0);
    LIBSSH2_SESSION *session = libssh2_session_init();
    libssh2_session_method_pref(session, LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr");
    libssh2_session_method_pref(session, LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256");
    if (libssh2_session_handshake(session, socket_)) fail("handshake");
    char public_[4096];
    snprintf(public_, sizeof public_, "%s.pub", argv[4]);
    if (libssh2_userauth_publickey_fromfile(session, argv[3], public_, argv[4], "")) fail("login");
    LIBSSH2_CHANNEL *channel =
        libssh2_channel_open_ex(session, "session", 7, LIBSSH2_CHANNEL_WINDOW_DEFAULT, LIBSSH2_CHANNEL_PACKET_DEFAULT, 0, 0);
    if (!channel || libssh2_channel_exec(channel, "cat >/dev/null")) fail("channel");
    static char block[1 << 15];
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)rand();
    double began = processor_seconds();
    for (long long left = atoll(argv[5]); left > 0;) {
        long sent = libssh2_channel_write(channel, block, left < (long long)sizeof block ? left : sizeof block);
        if (sent < 0) fail("write");
        left -= sent;
    }
    libssh2_channel_send_eof(channel);
    libssh2_channel_wait_eof(channel);
    printf("%.6f\n", processor_seconds() - began);
    libssh2_channel_close(channel);
    libssh2_session_disconnect(session, "done");
    close(socket_);
    return 0;
}
