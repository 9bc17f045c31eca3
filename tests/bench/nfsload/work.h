/* The kinds of work: one COMPOUND out, its reply in. */
#include "session.h"

static uint8_t *data;
static char workdir[64];
static const char *kinds[] = {"null",  "getattr",   "access", "lookup",  "read", "write",
                              "wsync", "openclose", "create", "readdir", 0};
enum { K_NULL, K_GETATTR, K_ACCESS, K_LOOKUP, K_READ, K_WRITE, K_WSYNC, K_OPENCLOSE, K_CREATE, K_READDIR };
static int kind = -1;
static void getattr(buf *b) {
    put(b, OP_GETATTR, 2, 0x0010011a, 0x00b0a23a);
}

static void issue(conn_t *c, int s) {
    slot_t *t = &c->slot[s];
    buf *b = &c->out;
    char name[48];
    uint32_t xid = (uint32_t)s << 20 | (++c->xid & 0xfffff);
    size_t m;
    uint64_t blocks = file_size / size_;
    if (c->out_at == b->n) b->n = c->out_at = 0;
    switch (kind) {
        case K_NULL:
            m = rpc_begin(b, xid, 1);
            seq_op(b, c, s);
            break;
        case K_GETATTR:
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->file);
            getattr(b);
            break;
        case K_ACCESS:
            m = rpc_begin(b, xid, 4);
            seq_op(b, c, s);
            putfh(b, &c->file);
            put(b, OP_ACCESS, 0x1f);
            getattr(b);
            break;
        case K_LOOKUP:
            m = rpc_begin(b, xid, 5);
            seq_op(b, c, s);
            putfh(b, &c->dir);
            u32(b, OP_LOOKUP);
            snprintf(name, sizeof name, "file-%d", c->id);
            str(b, name);
            u32(b, OP_GETFH);
            getattr(b);
            break;
        case K_READ:
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->file);
            u32(b, OP_READ);
            raw(b, c->stateid, 16);
            u64(b, (t->count * 7919 + s * 104729) % blocks * size_);
            u32(b, size_);
            break;
        case K_WRITE:
        case K_WSYNC:
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->file);
            u32(b, OP_WRITE);
            raw(b, c->stateid, 16);
            u64(b, (t->count * 7919 + s * 104729) % blocks * size_);
            u32(b, kind == K_WSYNC ? 2 : 0);
            opq(b, data, size_);
            break;
        case K_OPENCLOSE:
            if (t->phase == 0) {
                m = rpc_begin(b, xid, 4);
                seq_op(b, c, s);
                putfh(b, &c->dir);
                snprintf(name, sizeof name, "file-%d", c->id);
                open_read(b, c, name, s);
                u32(b, OP_GETFH);
            } else {
                m = rpc_begin(b, xid, 3);
                seq_op(b, c, s);
                putfh(b, &t->fh);
                put(b, OP_CLOSE, 0);
                raw(b, t->stateid, 16);
            }
            break;
        case K_CREATE:
            snprintf(name, sizeof name, "c%d.%d.%lu", c->id, s, (unsigned long)(t->count / 3));
            if (t->phase == 0) {
                m = rpc_begin(b, xid, 4);
                seq_op(b, c, s);
                putfh(b, &c->dir);
                open_create(b, c, name, 2);
                u32(b, OP_GETFH);
            } else if (t->phase == 1) {
                m = rpc_begin(b, xid, 3);
                seq_op(b, c, s);
                putfh(b, &t->fh);
                put(b, OP_CLOSE, 0);
                raw(b, t->stateid, 16);
            } else {
                m = rpc_begin(b, xid, 3);
                seq_op(b, c, s);
                putfh(b, &c->dir);
                u32(b, OP_REMOVE);
                str(b, name);
            }
            break;
        default: /* readdir, from the start each time */
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->dir);
            u32(b, OP_READDIR);
            u64(b, 0);
            u64(b, 0);
            put(b, 8192, 32768, 2, 0x0010011a, 0x00b0a23a);
    }
    rpc_end(b, m);
    t->busy = 1;
    t->sent = now();
}

static uint64_t done_ops, done_bytes;
static float *lat;
static size_t nlat, lat_cap;
static int counting;
static void reply(conn_t *c, const uint8_t *p, size_t n, double t1) {
    in i = {p, n, 0};
    uint32_t xid = g32(&i);
    if (g32(&i) != 1) return; /* a callback CALL: ignored, this client asks for none */
    int s = xid >> 20;
    if (s >= (int)c->nslots || !c->slot[s].busy) die("a reply to nothing (xid %x)", xid);
    slot_t *t = &c->slot[s];
    t->busy = 0;
    if (g32(&i)) die("RPC denied");
    g32(&i);
    uint32_t vn = g32(&i);
    gskip(&i, (vn + 3) & ~3u);
    uint32_t acc = g32(&i);
    if (acc) die("RPC accept status %u", acc);
    uint32_t st = g32(&i);
    uint32_t tn;
    gopq(&i, &tn);
    g32(&i);
    if (st) die("%s: COMPOUND status %u (phase %d, slot %d)", op, st, t->phase, s);
    uint64_t bytes = 0;
    res_seq(&i);
    if (kind == K_READ) {
        res(&i, OP_PUTFH);
        res(&i, OP_READ);
        g32(&i);
        bytes = g32(&i);
        if ((int)bytes != size_) die("READ returned %lu of %d bytes", (unsigned long)bytes, size_);
    } else if (kind == K_WRITE || kind == K_WSYNC) {
        res(&i, OP_PUTFH);
        res(&i, OP_WRITE);
        bytes = g32(&i);
        if ((int)bytes != size_) die("WRITE took %lu of %d bytes", (unsigned long)bytes, size_);
    } else if ((kind == K_OPENCLOSE || kind == K_CREATE) && t->phase == 0) {
        res(&i, OP_PUTFH);
        res_open(&i, t->stateid);
        res(&i, OP_GETFH);
        uint32_t fn;
        const uint8_t *f = gopq(&i, &fn);
        t->fh.n = fn;
        memcpy(t->fh.d, f, fn);
    }
    t->count++;
    if (kind == K_OPENCLOSE)
        t->phase ^= 1;
    else if (kind == K_CREATE)
        t->phase = (t->phase + 1) % 3;
    if (counting) {
        done_ops++;
        done_bytes += bytes;
        if (nlat == lat_cap) {
            lat_cap = lat_cap ? lat_cap * 2 : 1 << 16;
            lat = realloc(lat, lat_cap * sizeof *lat);
        }
        lat[nlat++] = (float)(t1 - t->sent);
    }
}
