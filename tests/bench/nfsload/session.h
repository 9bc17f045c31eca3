/* A connection with its client id and session, and the calls that set up and clean up. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "xdr.h"

enum {
    OP_CLOSE = 4,
    OP_COMMIT = 5,
    OP_CREATE = 6,
    OP_GETATTR = 9,
    OP_GETFH = 10,
    OP_LOOKUP = 15,
    OP_OPEN = 18,
    OP_ACCESS = 3,
    OP_PUTFH = 22,
    OP_PUTROOTFH = 24,
    OP_READ = 25,
    OP_READDIR = 26,
    OP_REMOVE = 28,
    OP_WRITE = 38,
    OP_EXCHANGE_ID = 42,
    OP_CREATE_SESSION = 43,
    OP_DESTROY_SESSION = 44,
    OP_SEQUENCE = 53,
    OP_DESTROY_CLIENTID = 57,
    OP_RECLAIM_COMPLETE = 58
};

/* ---- options ----------------------------------------------------------- */
static const char *host = "127.0.0.1", *export_path = "/", *op = "getattr", *label = "";
static int port = 2049, conns = 1, slots = 1, files = 1000;
static double seconds = 3, warm = 0.5;
static int size_ = 4096, file_size = 64 << 20;

/* Slots that get files ready and clean up; the work is done on the first --slots of them. */
#define MANY_SLOTS 32

typedef struct {
    uint8_t d[128];
    uint32_t n;
} fh_t;
typedef struct {
    uint32_t seq;
    int busy;
    double sent;
    int phase, is_within; /* within: what comes next belongs to the same operation */
    uint64_t count, made;
    uint64_t cookie, listed;
    uint8_t verifier[8];
    uint8_t stateid[16];
    fh_t fh;
} slot_t;
typedef struct {
    int fd;
    uint64_t clientid;
    uint8_t session[16];
    uint32_t xid, nslots, maxresp, maxreq;
    slot_t *slot;
    buf out;
    size_t out_at;
    buf inb;
    size_t in_at;
    int want_out, id;
    fh_t root, dir, file;
    uint8_t stateid[16];
} conn_t;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- RPC: begin a call in `b`, finish it by its record mark --------------- */
static size_t rpc_begin(buf *b, uint32_t xid, uint32_t nops) {
    size_t mark = b->n;
    put(b, 0, xid, 0, 2, 100003, 4, 1, 1, 28, 0);
    str(b, "nfsload");
    put(b, 0, 0, 0, 0, 0, 0, 1, nops);
    return mark;
}
static void rpc_end(buf *b, size_t mark) {
    uint32_t m = htobe32(0x80000000u | (uint32_t)(b->n - mark - 4));
    memcpy(b->p + mark, &m, 4);
}
static void seq_op(buf *b, conn_t *c, int s) {
    u32(b, OP_SEQUENCE);
    raw(b, c->session, 16);
    put(b, ++c->slot[s].seq, s, c->nslots - 1, 0);
}
static void putfh(buf *b, const fh_t *f) {
    u32(b, OP_PUTFH);
    opq(b, f->d, f->n);
}

/* read exactly one record, blocking; used only while setting up */
static void rd(int fd, void *p, size_t n) {
    while (n) {
        ssize_t k = read(fd, p, n);
        if (k <= 0) die("connection closed while setting up");
        p = (char *)p + k;
        n -= k;
    }
}
static void wr(int fd, const void *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k <= 0) die("write: %s", strerror(errno));
        p = (const char *)p + k;
        n -= k;
    }
}
static uint8_t *rec;
static size_t rec_cap;
static in call_sync(conn_t *c, buf *b, const char *what) {
    wr(c->fd, b->p, b->n);
    b->n = 0;
    for (;;) {
        size_t len = 0;
        uint32_t m;
        do {
            rd(c->fd, &m, 4);
            m = be32toh(m);
            size_t k = m & 0x7fffffff;
            if (len + k > rec_cap) {
                rec_cap = len + k;
                rec = realloc(rec, rec_cap);
            }
            rd(c->fd, rec + len, k);
            len += k;
        } while (!(m & 0x80000000u));
        in i = {rec, len, 0};
        g32(&i);
        if (g32(&i) != 1) continue; /* a callback: not ours to answer here */
        if (g32(&i)) die("%s: RPC denied", what);
        g32(&i);
        uint32_t vn = g32(&i);
        gskip(&i, (vn + 3) & ~3u);
        uint32_t acc = g32(&i);
        if (acc) die("%s: RPC accept status %u", what, acc);
        uint32_t st = g32(&i);
        uint32_t tn;
        gopq(&i, &tn);
        uint32_t nres = g32(&i);
        if (st) die("%s: COMPOUND status %u (results %u)", what, st, nres);
        return i;
    }
}
static void res(in *i, uint32_t want) {
    uint32_t o = g32(i), s = g32(i);
    if (o != want || s) die("result op %u status %u, wanted op %u", o, s, want);
}
static void res_seq(in *i) {
    res(i, OP_SEQUENCE);
    gskip(i, 16 + 4 * 5);
}

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) die("host must be an IPv4 address");
    if (connect(fd, (void *)&a, sizeof a)) die("connect %s:%d: %s", host, port, strerror(errno));
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void setup(conn_t *c, int id) {
    memset(c, 0, sizeof *c);
    c->id = id;
    c->fd = dial();
    c->xid = 0x10000u * (id + 1);
    buf b = {0};
    char owner[64];
    snprintf(owner, sizeof owner, "nfsload-%d-%d", getpid(), id);
    size_t m = rpc_begin(&b, ++c->xid, 1);
    uint64_t verf = (uint64_t)time(0) << 20 | (getpid() & 0xfffff);
    u32(&b, OP_EXCHANGE_ID);
    u64(&b, verf);
    str(&b, owner);
    put(&b, 0, 0, 0);
    rpc_end(&b, m);
    in i = call_sync(c, &b, "EXCHANGE_ID");
    res(&i, OP_EXCHANGE_ID);
    c->clientid = g64(&i);
    uint32_t seq = g32(&i);
    m = rpc_begin(&b, ++c->xid, 1);
    u32(&b, OP_CREATE_SESSION);
    u64(&b, c->clientid);
    put(&b, seq, 0, 0, 1049620 + 4096, 1049480 + 4096, 8192, 8, slots > MANY_SLOTS ? slots : MANY_SLOTS, 0, 0, 4096, 4096, 0,
        2, 1, 0, 0x40000000, 1, 0);
    rpc_end(&b, m);
    i = call_sync(c, &b, "CREATE_SESSION");
    res(&i, OP_CREATE_SESSION);
    memcpy(c->session, i.p + i.at, 16);
    gskip(&i, 16 + 8);
    g32(&i);
    c->maxreq = g32(&i);
    c->maxresp = g32(&i);
    g32(&i);
    g32(&i);
    c->nslots = g32(&i);
    if (c->nslots > 256) c->nslots = 256;
    c->slot = calloc(c->nslots, sizeof *c->slot);
    m = rpc_begin(&b, ++c->xid, 2);
    seq_op(&b, c, 0);
    put(&b, OP_RECLAIM_COMPLETE, 0);
    rpc_end(&b, m);
    call_sync(c, &b, "RECLAIM_COMPLETE");
    /* walk to the export */
    char path[1024];
    snprintf(path, sizeof path, "%s", export_path);
    int n = 0;
    char *part[64];
    for (char *t = strtok(path, "/"); t && n < 64; t = strtok(0, "/")) part[n++] = t;
    m = rpc_begin(&b, ++c->xid, 3 + n);
    seq_op(&b, c, 0);
    u32(&b, OP_PUTROOTFH);
    for (int k = 0; k < n; k++) {
        u32(&b, OP_LOOKUP);
        str(&b, part[k]);
    }
    u32(&b, OP_GETFH);
    rpc_end(&b, m);
    i = call_sync(c, &b, "walk to the export");
    res_seq(&i);
    res(&i, OP_PUTROOTFH);
    for (int k = 0; k < n; k++) res(&i, OP_LOOKUP);
    res(&i, OP_GETFH);
    uint32_t fn;
    const uint8_t *f = gopq(&i, &fn);
    c->root.n = fn;
    memcpy(c->root.d, f, fn);
    free(b.p);
}

static void open_create(buf *b, conn_t *c, const char *name, int access) {
    char own[32];
    snprintf(own, sizeof own, "o%d", c->id);
    put(b, OP_OPEN, 0, access, 0);
    u64(b, c->clientid);
    str(b, own);
    put(b, 1, 0, 2, 0, 2, 4, 0644, 0); /* UNCHECKED4, mode 0644 */
    str(b, name);
}
static void open_read(buf *b, conn_t *c, const char *name, int slot) {
    char own[32];
    snprintf(own, sizeof own, "o%d.%d", c->id, slot);
    put(b, OP_OPEN, 0, 1, 0);
    u64(b, c->clientid);
    str(b, own);
    put(b, 0, 0);
    str(b, name);
}
/* an OPEN result up to its stateid; what follows is of no use here */
static void res_open(in *i, uint8_t *stateid) {
    res(i, OP_OPEN);
    memcpy(stateid, i->p + i->at, 16);
    gskip(i, 16 + 4 + 16);
    g32(i);
    uint32_t w = g32(i);
    gskip(i, 4 * w);
    uint32_t d = g32(i);
    if (d == 1 || d == 2) {
        gskip(i, 16 + 4);
        if (d == 2) gskip(i, 4 + 8); /* either kind of limit is as long */
        gskip(i, 12);
        uint32_t wn;
        gopq(i, &wn);
    } else if (d == 3) {
        uint32_t why = g32(i);
        if (why == 1 || why == 2) g32(i);
    }
}
static void open_file(conn_t *c, const char *name, int access, fh_t *fh, uint8_t *stateid) {
    buf b = {0};
    size_t m = rpc_begin(&b, ++c->xid, 4);
    seq_op(&b, c, 0);
    putfh(&b, &c->dir);
    open_create(&b, c, name, access);
    u32(&b, OP_GETFH);
    rpc_end(&b, m);
    in i = call_sync(c, &b, "OPEN");
    res_seq(&i);
    res(&i, OP_PUTFH);
    res_open(&i, stateid);
    res(&i, OP_GETFH);
    uint32_t n;
    const uint8_t *f = gopq(&i, &n);
    fh->n = n;
    memcpy(fh->d, f, n);
    free(b.p);
}
static void mkdir_(conn_t *c, const char *name) {
    buf b = {0};
    size_t m = rpc_begin(&b, ++c->xid, 4);
    seq_op(&b, c, 0);
    putfh(&b, &c->root);
    put(&b, OP_CREATE, 2);
    str(&b, name);
    put(&b, 2, 0, 2, 4, 0755, OP_GETFH);
    rpc_end(&b, m);
    in i = call_sync(c, &b, "CREATE folder");
    res_seq(&i);
    res(&i, OP_PUTFH);
    res(&i, OP_CREATE);
    gskip(&i, 4 + 16);
    uint32_t w = g32(&i);
    gskip(&i, 4 * w);
    res(&i, OP_GETFH);
    uint32_t n;
    const uint8_t *f = gopq(&i, &n);
    c->dir.n = n;
    memcpy(c->dir.d, f, n);
    free(b.p);
}
static void close_file(conn_t *c, const fh_t *fh, const uint8_t *sid) {
    buf b = {0};
    size_t m = rpc_begin(&b, ++c->xid, 3);
    seq_op(&b, c, 0);
    putfh(&b, fh);
    put(&b, OP_CLOSE, 0);
    raw(&b, sid, 16);
    rpc_end(&b, m);
    call_sync(c, &b, "CLOSE");
    free(b.p);
}
static void remove_name(conn_t *c, const fh_t *dir, const char *name) {
    buf b = {0};
    size_t m = rpc_begin(&b, ++c->xid, 3);
    seq_op(&b, c, 0);
    putfh(&b, dir);
    u32(&b, OP_REMOVE);
    str(&b, name);
    rpc_end(&b, m);
    call_sync(c, &b, "REMOVE");
    free(b.p);
}
static void leave(conn_t *c) {
    buf b = {0};
    size_t m = rpc_begin(&b, ++c->xid, 1);
    u32(&b, OP_DESTROY_SESSION);
    raw(&b, c->session, 16);
    rpc_end(&b, m);
    call_sync(c, &b, "DESTROY_SESSION");
    m = rpc_begin(&b, ++c->xid, 1);
    u32(&b, OP_DESTROY_CLIENTID);
    u64(&b, c->clientid);
    rpc_end(&b, m);
    call_sync(c, &b, "DESTROY_CLIENTID");
    free(b.p);
}
