/*
 * nfsload: an NFSv4.1 load generator for comparing servers side by side.
 *
 * It opens C connections, each with a client id and a session of S slots, keeps
 * every slot busy with one kind of COMPOUND for T seconds, checks the status of
 * every reply, and prints one line of JSON: operations per second, MiB/s and
 * latency percentiles. One thread, epoll, AUTH_SYS as uid 0.
 *
 *   cc -O2 -o nfsload nfsload/nfsload.c
 *   nfsload --port 2049 --export / --op read --size 65536 --conns 4 --slots 16 --seconds 5
 *
 * Kinds of work (--op), each behind SEQUENCE + PUTFH:
 *   null      SEQUENCE alone              getattr   GETATTR of what `stat` needs
 *   access    ACCESS + GETATTR            lookup    LOOKUP + GETFH + GETATTR
 *   read      READ of --size bytes        write     WRITE of --size bytes, UNSTABLE4
 *   wsync     WRITE FILE_SYNC4            wcommit   WRITE UNSTABLE4, COMMIT: one operation
 *   openclose OPEN (read) + CLOSE         churn     OPEN (create), CLOSE, REMOVE: three
 *   create    OPEN (create), CLOSE: one   remove    REMOVE of what create has made before
 *   readdir   READDIR, the first page of a folder of --files entries
 *   list      READDIR of all of it, one operation
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include "work.h"

static void options(int argc, char **argv) {
    struct {
        const char *name;
        const char **text;
        int *whole;
        double *real;
    } known[] = {
        {"--host", &host, 0, 0},       {"--export", &export_path, 0, 0}, {"--op", &op, 0, 0},
        {"--label", &label, 0, 0},     {"--port", 0, &port, 0},          {"--size", 0, &size_, 0},
        {"--conns", 0, &conns, 0},     {"--slots", 0, &slots, 0},        {"--files", 0, &files, 0},
        {"--seconds", 0, 0, &seconds}, {"--warm", 0, 0, &warm},          {"--file-size", 0, &file_size, 0},
    };
    size_t n = sizeof known / sizeof *known;
    for (int a = 1; a < argc; a += 2) {
        size_t k = 0;
        while (k < n && strcmp(known[k].name, argv[a])) k++;
        if (k == n) die("unknown option %s (see the top of nfsload.c)", argv[a]);
        if (a + 1 == argc) die("%s wants a value", argv[a]);
        if (known[k].text) *known[k].text = argv[a + 1];
        if (known[k].whole) *known[k].whole = atoi(argv[a + 1]);
        if (known[k].real) *known[k].real = atof(argv[a + 1]);
    }
    for (int k = 0; kinds[k]; k++)
        if (!strcmp(kinds[k], op)) kind = k;
    if (kind < 0) die("unknown --op %s", op);
    if (conns < 1 || conns > 1024 || slots < 1 || slots > 256 || size_ < 1 || size_ > 1 << 20 ||
        seconds > 600 || file_size < size_)
        die("an option is out of its range");
}

static void fill(conn_t *c) {
    buf b = {0};
    uint32_t step = c->maxreq > 1049620 ? 1 << 20 : 65536;
    uint8_t *z = malloc(step);
    memset(z, 'x', step);
    for (int at = 0; at < file_size; at += step) {
        size_t m = rpc_begin(&b, ++c->xid, 3);
        seq_op(&b, c, 0);
        putfh(&b, &c->file);
        u32(&b, OP_WRITE);
        raw(&b, c->stateid, 16);
        u64(&b, at);
        u32(&b, 0);
        opq(&b, z, step);
        rpc_end(&b, m);
        in i = call_sync(c, &b, "WRITE while filling");
        res_seq(&i);
        res(&i, OP_PUTFH);
        res(&i, OP_WRITE);
        if (g32(&i) != step) die("a short WRITE while filling");
    }
    free(z);
    free(b.p);
}

/* A folder of our own, a file for each connection, and what the work needs besides. */
static void prepare(conn_t *cs) {
    char name[48];
    data = malloc(size_);
    for (int k = 0; k < size_; k++) data[k] = (uint8_t)(k * 131 + 7);
    snprintf(workdir, sizeof workdir, "nfsload-%d", getpid());
    for (int k = 0; k < conns; k++) {
        setup(&cs[k], k);
        if (k == 0)
            mkdir_(&cs[0], workdir);
        else
            cs[k].dir = cs[0].dir;
        snprintf(name, sizeof name, "file-%d", k);
        open_file(&cs[k], name, 3, &cs[k].file, cs[k].stateid);
        if (kind == K_READ || kind == K_WSYNC) fill(&cs[k]);
    }
}

static void clean_up(conn_t *cs) {
    char name[48];
    for (int k = 0; k < conns; k++) {
        close_file(&cs[k], &cs[k].file, cs[k].stateid);
        snprintf(name, sizeof name, "file-%d", k);
        remove_name(&cs[k], &cs[k].dir, name);
    }
    remove_name(&cs[0], &cs[0].root, workdir);
    for (int k = 0; k < conns; k++) leave(&cs[k]);
}

static int ep;
/* Writes what can be written, and asks for word when the rest can. */
static void flush(conn_t *c) {
    while (c->out_at < c->out.n) {
        ssize_t w = write(c->fd, c->out.p + c->out_at, c->out.n - c->out_at);
        if (w < 0) {
            if (errno == EAGAIN) break;
            die("write: %s", strerror(errno));
        }
        c->out_at += w;
    }
    int want = c->out_at < c->out.n;
    if (want == c->want_out) return;
    c->want_out = want;
    struct epoll_event e = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.u32 = c->id};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void receive(conn_t *c) {
    for (;;) {
        need(&c->inb, 1 << 18);
        ssize_t r = read(c->fd, c->inb.p + c->inb.n, c->inb.cap - c->inb.n);
        if (r == 0) die("the server closed the connection");
        if (r < 0) {
            if (errno == EAGAIN) return;
            die("read: %s", strerror(errno));
        }
        c->inb.n += r;
        if (c->inb.n < c->inb.cap) return;
    }
}

static uint32_t peek(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}

/* Takes the whole replies that have come; a freed slot goes to work again. Returns the calls that ended. */
static int take_replies(conn_t *c, double t, int stopping) {
    int ended = 0;
    while (c->inb.n - c->in_at >= 4) {
        uint32_t mark = peek(c->inb.p + c->in_at);
        if (!(mark & 0x80000000u)) die("a reply in several fragments");
        size_t len = mark & 0x7fffffff;
        if (c->inb.n - c->in_at - 4 < len) break;
        const uint8_t *p = c->inb.p + c->in_at + 4;
        int s = peek(p) >> 20, is_reply = peek(p + 4) == 1;
        reply(c, p, len, t);
        c->in_at += 4 + len;
        if (!is_reply) continue;
        if (c->slot[s].phase || (!stopping && has_work(&c->slot[s])))
            issue(c, s);
        else
            ended++;
    }
    if (c->in_at == c->inb.n)
        c->inb.n = c->in_at = 0;
    else if (c->in_at > 1 << 20) {
        memmove(c->inb.p, c->inb.p + c->in_at, c->inb.n - c->in_at);
        c->inb.n -= c->in_at;
        c->in_at = 0;
    }
    return ended;
}

/* Keeps so many slots busy until the time is over or nothing is left to do; returns the seconds after `lead`. */
static double work(conn_t *cs, int what, uint32_t width, double lead, double length, int counted) {
    int calls = 0;
    kind = what;
    ep = epoll_create1(0);
    for (int k = 0; k < conns; k++) {
        fcntl(cs[k].fd, F_SETFL, O_NONBLOCK);
        cs[k].want_out = 0;
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = k};
        epoll_ctl(ep, EPOLL_CTL_ADD, cs[k].fd, &e);
    }
    double begin = now() + lead, end = begin + length, last = begin;
    for (int k = 0; k < conns; k++)
        for (uint32_t s = 0; s < cs[k].nslots && s < width; s++) {
            if (!has_work(&cs[k].slot[s])) continue;
            issue(&cs[k], s);
            calls++;
        }
    while (calls) {
        for (int k = 0; k < conns; k++) flush(&cs[k]);
        struct epoll_event ev[64];
        int n = epoll_wait(ep, ev, 64, 10000);
        if (n == 0) die("%s: no reply within 10 s (%d calls out)", op, calls);
        for (int e = 0; e < n; e++) {
            conn_t *c = &cs[ev[e].data.u32];
            if (!(ev[e].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            receive(c);
            double t = now();
            counting = counted && t >= begin && t <= end;
            if (counting) last = t;
            calls -= take_replies(c, t, t > end);
        }
    }
    for (int k = 0; k < conns; k++) fcntl(cs[k].fd, F_SETFL, 0);
    close(ep);
    return last - begin;
}

/* The work, between what it needs before and what it leaves. */
static double measure(conn_t *cs, int what) {
    const double ever = 1e9;
    if (what == K_READDIR || what == K_LIST) {
        most_made = 1 + files / (conns * MANY_SLOTS);
        work(cs, K_CREATE, MANY_SLOTS, 0, ever, 0);
    }
    double lead = warm;
    if (what == K_REMOVE) {
        work(cs, K_CREATE, slots, 0, warm + seconds, 0);
        /* It may be faster than making, and ends when nothing is left. */
        lead = 0.05;
    }
    double took = work(cs, what, slots, lead, seconds, 1);
    work(cs, K_REMOVE, 256, 0, ever, 0);
    return took;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}
static double percentile(double q) { return nlat ? lat[(size_t)((nlat - 1) * q)] * 1e6 : 0; }

int main(int argc, char **argv) {
    options(argc, argv);
    conn_t *cs = calloc(conns, sizeof *cs);
    prepare(cs);
    double took = measure(cs, kind);
    clean_up(cs);
    qsort(lat, nlat, sizeof *lat, by_value);
    printf(
        "{\"label\":\"%s\",\"op\":\"%s\",\"size\":%d,\"conns\":%d,\"slots\":%d,\"seconds\":%.2f,\"ops\":%lu,"
        "\"ops_per_s\":%.0f,\"mib_per_s\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f}\n",
        label, op, size_, conns, slots, took, (unsigned long)done_ops, done_ops / took,
        done_bytes / took / 1048576, percentile(0.5), percentile(0.99), percentile(1.0));
    return 0;
}
