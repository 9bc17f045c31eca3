/* The kinds of work: one COMPOUND out, its reply in. */
#include "session.h"

static uint8_t *data;
static char workdir[64];
static const char *kinds[] = {"null",   "getattr", "access", "lookup", "read",   "write", "wsync", "wcommit",
                              "openclose", "churn",   "create", "remove", "readdir", "list",  0};
enum {
    K_NULL,
    K_GETATTR,
    K_ACCESS,
    K_LOOKUP,
    K_READ,
    K_WRITE,
    K_WSYNC,
    K_WCOMMIT,
    K_OPENCLOSE,
    K_CHURN,
    K_CREATE,
    K_REMOVE,
    K_READDIR,
    K_LIST
};
static int kind = -1;
static void getattr(buf *b) {
    put(b, OP_GETATTR, 2, 0x0010011a, 0x00b0a23a);
}

/* Files that K_CREATE makes in each slot; 0: as many as there is time for. */
static uint64_t most_made;

/* Whether the slot has something to do: its files come to an end. */
static int has_work(const slot_t *t) {
    if (t->phase) return 1;
    if (kind == K_REMOVE) return t->made > 0;
    return kind != K_CREATE || !most_made || t->made < most_made;
}

static size_t issue_remove(buf *b, conn_t *c, int s, const char *name) {
    size_t m = rpc_begin(b, (uint32_t)s << 20 | (c->xid & 0xfffff), 3);
    seq_op(b, c, s);
    putfh(b, &c->dir);
    u32(b, OP_REMOVE);
    str(b, name);
    return m;
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
        case K_WCOMMIT:
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->file);
            if (t->phase == 0) {
                u32(b, OP_WRITE);
                raw(b, c->stateid, 16);
                u64(b, (t->count * 7919 + s * 104729) % blocks * size_);
                u32(b, 0);
                opq(b, data, size_);
            } else {
                u32(b, OP_COMMIT);
                u64(b, 0);
                u32(b, 0);
            }
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
        case K_CHURN:
            snprintf(name, sizeof name, "c%d.%d.%lu", c->id, s,
                     (unsigned long)(kind == K_CHURN ? t->count / 3 : t->made));
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
            } else
                m = issue_remove(b, c, s, name);
            break;
        case K_REMOVE:
            snprintf(name, sizeof name, "c%d.%d.%lu", c->id, s, (unsigned long)t->made - 1);
            m = issue_remove(b, c, s, name);
            break;
        default: /* readdir, from the start each time; list, all of it */
            m = rpc_begin(b, xid, 3);
            seq_op(b, c, s);
            putfh(b, &c->dir);
            u32(b, OP_READDIR);
            u64(b, kind == K_LIST ? t->cookie : 0);
            raw(b, t->verifier, 8);
            put(b, 8192, 32768, 2, 0x0010011a, 0x00b0a23a);
    }
    rpc_end(b, m);
    t->busy = 1;
    if (!t->is_within) t->sent = now();
}

/* The entries of a READDIR: where to go on; returns whether that was the end. */
static int take_entries(in *i, slot_t *t) {
    memcpy(t->verifier, i->p + i->at, 8);
    gskip(i, 8);
    while (g32(i)) {
        uint32_t n;
        t->cookie = g64(i);
        gopq(i, &n);
        for (uint32_t words = g32(i); words; words--) g32(i);
        gopq(i, &n);
        t->listed++;
    }
    return g32(i);
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
    } else if (kind == K_WCOMMIT && t->phase == 0) {
        res(&i, OP_PUTFH);
        res(&i, OP_WRITE);
        if ((int)g32(&i) != size_) die("a short WRITE");
    } else if ((kind == K_OPENCLOSE || kind == K_CREATE || kind == K_CHURN) && t->phase == 0) {
        res(&i, OP_PUTFH);
        res_open(&i, t->stateid);
        res(&i, OP_GETFH);
        uint32_t fn;
        const uint8_t *f = gopq(&i, &fn);
        t->fh.n = fn;
        memcpy(t->fh.d, f, fn);
    }
    t->count++;
    t->is_within = 0;
    if (kind == K_OPENCLOSE)
        t->phase ^= 1;
    else if (kind == K_CHURN)
        t->phase = (t->phase + 1) % 3;
    else if (kind == K_CREATE || kind == K_WCOMMIT) {
        /* Both COMPOUNDs are one operation, and its latency is that of both. */
        t->is_within = t->phase ^= 1;
        if (t->phase) return;
        if (kind == K_CREATE) t->made++;
        if (kind == K_WCOMMIT) bytes = size_;
    } else if (kind == K_REMOVE)
        t->made--;
    else if (kind == K_LIST) {
        res(&i, OP_PUTFH);
        res(&i, OP_READDIR);
        t->is_within = !take_entries(&i, t);
        if (t->is_within) return;
        if (t->listed < (uint64_t)files) die("%lu entries of %d", (unsigned long)t->listed, files);
        t->cookie = t->listed = 0;
        memset(t->verifier, 0, 8);
    }
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
