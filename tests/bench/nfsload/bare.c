/*
 * bare: the load of nfsload without NFS, for a responder that only moves bytes.
 *
 * C connections with S requests out each: a request of --request bytes, a reply
 * of --reply bytes, as many as fit into T seconds. One line of JSON, with the
 * responder's CPU per request (--pid).
 *
 *   cc -O2 -o bare bare.c
 *   bare --port P --request 180 --reply 1048756 --conns 4 --slots 8 --seconds 2 --pid PID
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "cpu.h"

static void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

typedef struct {
    int fd, head;     /* the slot that was asked first */
    size_t got, owed; /* bytes of that one's reply that came; bytes of requests still to be sent */
    double *sent;
} conn_t;

static int port, request = 180, reply = 240, conns = 4, slots = 8;
static double seconds = 2, warm = 0.3;
static uint8_t *out, *in;
static const size_t in_size = 1 << 20;

static void send_owed(conn_t *c) {
    while (c->owed) {
        /* From anywhere in it: nobody looks at the bytes. */
        size_t part = c->owed < (size_t)request ? c->owed : (size_t)request;
        ssize_t n = send(c->fd, out, part, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) die("the responder is gone");
        c->owed -= n;
    }
}

int main(int argc, char **argv) {
    for (int k = 1; k + 1 < argc; k += 2) {
        const char *o = argv[k], *v = argv[k + 1];
        if (!strcmp(o, "--port")) port = atoi(v);
        else if (!strcmp(o, "--request")) request = atoi(v);
        else if (!strcmp(o, "--reply")) reply = atoi(v);
        else if (!strcmp(o, "--conns")) conns = atoi(v);
        else if (!strcmp(o, "--slots")) slots = atoi(v);
        else if (!strcmp(o, "--seconds")) seconds = atof(v);
        else if (!strcmp(o, "--warm")) warm = atof(v);
        else if (!strcmp(o, "--pid")) server_pid = atoi(v);
        else die("unknown option %s", o);
    }
    out = calloc(1, request);
    in = malloc(in_size);
    conn_t *all = calloc(conns, sizeof *all);
    int ep = epoll_create1(0);
    for (int k = 0; k < conns; k++) {
        conn_t *c = &all[k];
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(c->fd, (void *)&a, sizeof a)) die("nobody listens on %d", port);
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->sent = calloc(slots, sizeof *c->sent);
        for (int s = 0; s < slots; s++) c->sent[s] = now();
        c->owed = (size_t)slots * request;
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
        send_owed(c);
    }
    double *lats = 0, begin = now() + warm, end = begin + seconds, last = begin, cpu0 = -1;
    size_t done = 0, cap = 0;
    for (;;) {
        struct epoll_event ev[64];
        int n = epoll_wait(ep, ev, 64, 4000);
        if (n == 0) die("no reply within 4 s");
        double t = 0;
        for (int i = 0; i < n; i++) {
            conn_t *c = ev[i].data.ptr;
            for (;;) {
                ssize_t k = recv(c->fd, in, in_size, MSG_DONTWAIT);
                if (k < 0 && errno == EAGAIN) break;
                if (k <= 0) die("the responder is gone");
                t = now();
                for (c->got += k; c->got >= (size_t)reply; c->got -= reply) {
                    if (t >= begin && t < end) {
                        if (done == cap) lats = realloc(lats, (cap = cap ? 2 * cap : 65536) * sizeof *lats);
                        lats[done++] = t - c->sent[c->head];
                        last = t;
                    }
                    c->sent[c->head] = t;
                    c->head = (c->head + 1) % slots;
                    c->owed += request;
                }
            }
            send_owed(c);
        }
        t = now();
        if (cpu0 < 0 && t >= begin) cpu0 = server_cpu();
        if (t >= end) break;
    }
    double spent = server_cpu() - cpu0, took = last - begin;
    if (!done) die("nothing was answered");
    qsort(lats, done, sizeof *lats, compare);
    printf("{\"ops\":%zu,\"ops_per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"cpu_us\":%.1f}\n", done, done / took,
           lats[(done - 1) / 2] * 1e6, lats[(size_t)((done - 1) * 0.99)] * 1e6, spent * 1e6 / done);
    return 0;
}
