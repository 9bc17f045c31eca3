# Random calls by four processes at once (CALLS each), every one repeated on the guest's own
# tmpfs: whatever one answers the other does, and in the end both trees are the same.
# RESTARTS: how often the server is killed meanwhile (wants --hook).
. /job/lib.sh
fresh
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} CALLS=${CALLS:-500}
echo "info seed $SEED, $CALLS calls each"
mkdir -p /tmp/random && chmod 755 /tmp/random "$W"

cat > /tmp/calls.py << 'PY'
import errno, os, random, stat, sys, zlib

seed, calls, here, there = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
rnd = random.Random(seed)
LONG = 'e' * 255
NAMES = ['a', 'b', 'c', 'd', 'ä ö', 'f.txt', LONG]
USERS = [0, 0, 0, 0, 1000, 1001]
# No setuid files: under a delegation Linux writes for one user in the name of another.
MODES = [0o644, 0o600, 0o755, 0o777, 0o700, 0o444, 0o000, 0o1777]
os.umask(0)
os.setgroups([4242])

files, folders, all = [], [''], []

def refresh():
    files[:], folders[:], all[:] = [], [''], []
    for folder, names, others in os.walk(there):
        for name in sorted(names + others):
            p = os.path.relpath(os.path.join(folder, name), there)
            mode = os.lstat(f'{there}/{p}').st_mode
            all.append(p)
            if stat.S_ISDIR(mode) and p.count('/') < 4: folders.append(p)
            if stat.S_ISREG(mode): files.append(p)

# A place for something new, which may be taken.
def new():
    return os.path.join(rnd.choice(folders), rnd.choice(NAMES))

# One of those, mostly; now and then anything at all.
def old(some):
    return rnd.choice(some) if some and rnd.random() < 0.8 else rnd.choice(all + [new()])

def pattern(length):
    return rnd.randbytes(length)

def size():
    return rnd.choice([0, 1, 100, 4095, 4096, 16384, 16385, rnd.randrange(70000), rnd.randrange(300000)])

def look(p):
    s = os.lstat(p)
    size = 0 if stat.S_ISDIR(s.st_mode) else s.st_size
    return (oct(s.st_mode), s.st_nlink, s.st_uid, s.st_gid, size)

def write(root, p, flags, offset, data, cut):
    fd = os.open(f"{root}/{p}", flags | os.O_NONBLOCK, 0o666)
    try:
        if offset is not None: os.lseek(fd, offset, os.SEEK_SET)
        n = os.write(fd, data)
        if cut is not None: os.ftruncate(fd, cut)
        return n, os.fstat(fd).st_size
    finally:
        os.close(fd)

def read(root, p, offset, length):
    fd = os.open(f"{root}/{p}", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.pread(fd, length, offset)
    finally:
        os.close(fd)

def entries(root, p):
    return sorted(os.listdir(f'{root}/{p}'))

# Each draws what it does once, and returns it as a function of a root.
def draw():
    kind = rnd.randrange(20)
    if kind < 5:
        flags = os.O_RDWR | rnd.choice([0, os.O_CREAT, os.O_CREAT, os.O_CREAT | os.O_EXCL, os.O_CREAT | os.O_TRUNC, os.O_APPEND])
        offset = rnd.choice([None, None, size()])
        p = new() if flags & os.O_CREAT and rnd.random() < 0.6 else old(files)
        data, cut = pattern(size()), rnd.choice([None, None, None, size()])
        return f'write {p} {flags:#x} {offset} {len(data)} {cut}', lambda r: write(r, p, flags, offset, data, cut)
    if kind < 7:
        p, offset, length = old(files), size(), size()
        return f'read {p} {offset} {length}', lambda r: read(r, p, offset, length)
    if kind < 9:
        p, mode = new(), rnd.choice(MODES + [0o2770, 0o2777])
        return f'mkdir {p}', lambda r: os.mkdir(f'{r}/{p}', mode)
    p, q = old(all), new()
    if kind < 11: return f'rename {p} {q}', lambda r: os.rename(f'{r}/{p}', f'{r}/{q}')
    if kind == 11: return f'link {p} {q}', lambda r: os.link(f'{r}/{p}', f'{r}/{q}', follow_symlinks=False)
    if kind == 12: return f'symlink {p} {q}', lambda r: os.symlink(p, f'{r}/{q}')
    if kind == 13: return f'unlink {p}', lambda r: os.unlink(f'{r}/{p}')
    if kind == 14:
        p = old(folders[1:])
        return f'rmdir {p}', lambda r: os.rmdir(f'{r}/{p}')
    if kind == 15:
        mode = rnd.choice(MODES)
        return f'chmod {p} {mode:o}', lambda r: os.chmod(f'{r}/{p}', mode)
    if kind == 16:
        # Of neither, Linux's NFS sends nothing, and setuid stays.
        uid, gid = rnd.choice([(-1, 0), (-1, 4242), (0, -1), (1000, -1), (0, 0), (1001, 1000)])
        return f'chown {p} {uid} {gid}', lambda r: os.chown(f'{r}/{p}', uid, gid, follow_symlinks=False)
    if kind == 17:
        p, length = old(files), size()
        return f'truncate {p} {length}', lambda r: os.truncate(f'{r}/{p}', length)
    if kind == 18:
        p = old(folders)
        return f'list {p}', lambda r: entries(r, p)
    return f'fifo {q}', lambda r: os.mkfifo(f'{r}/{q}', 0o640)

def answer(act, root, user):
    os.setegid(user)
    os.seteuid(user)
    try:
        return act(root)
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.seteuid(0)
        os.setegid(0)

def compare():
    def walk(root):
        found = {}
        for folder, folders, files in os.walk(root):
            for name in folders + files:
                p = os.path.join(folder, name)
                what = look(p)
                if os.path.islink(p): what += (os.readlink(p),)
                elif os.path.isfile(p): what += (open(p, 'rb').read(),)
                found[os.path.relpath(p, root)] = what
        return found
    one, other = walk(here), walk(there)
    for p in sorted(set(one) | set(other)):
        if one.get(p) != other.get(p): fail(f'{p} is {brief(one, p)} here and {brief(other, p)} on tmpfs', p)
    return len(one)

def brief(found, p):
    return [short(part) for part in found.get(p, ['not there'])]

def short(it):
    return f'{len(it)} bytes, crc {zlib.crc32(it):x}' if isinstance(it, bytes) else it

def fail(text, about):
    lines = [line for line in log if about in line][-4:] + [f'seed {seed}: {text}']
    sys.exit('; '.join(lines).replace(LONG, 'e*255'))

# Linux's NFS leaves it to the server who may change a folder, and looks at types before.
def alike(got, want):
    return got == want or want in ('EACCES', 'EPERM') and got in ('EISDIR', 'ENOTDIR', 'EPERM')

log = []
for p in here, there: os.chmod(p, 0o777)
for call in range(calls):
    if call % 10 == 0: refresh()
    user, (what, act) = rnd.choice(USERS), draw()
    got, want = answer(act, here, user), answer(act, there, user)
    line = f'call {call}, user {user}: {what}: {short(got)}'
    if not alike(got, want): fail(f'{line} here, {short(want)} on tmpfs', what.split()[1])
    log.append(line)
refused = sum(line.split()[-1].startswith('E') for line in log)
print(f'{compare()} entries, {refused} of {calls} calls refused')
PY

process() { mkdir -p "$W/$1" "/tmp/random/$1" && python3 /tmp/calls.py $((SEED + $1)) "$2" "$W/$1" "/tmp/random/$1"; }
for i in 1 2 3 4; do (process $i "$CALLS") > /tmp/random.out$i 2>&1 & PIDS[$i]=$!; done
for i in $(seq "${RESTARTS:-0}"); do sleep 3; check restart-$i hook restart; done
for i in 1 2 3 4; do
    wait "${PIDS[$i]}"; same process-$i 0 "$?$(grep seed /tmp/random.out$i)"
    echo "info $(cat /tmp/random.out$i)"
done
# What the server has, not what the client remembers.
sync; echo 3 > /proc/sys/vm/drop_caches
for i in 1 2 3 4; do check again-$i process $i 0; done
same nothing-lost "" "$(dmesg | grep -iE 'reclaim failed|NFS.*(error|WARN)')"
rm -rf /tmp/random
summary
