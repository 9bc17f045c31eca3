# What the server copies, and shares, by itself (COPY, CLONE).
. /job/lib.sh
fresh
forget() { sync; echo 3 > /proc/sys/vm/drop_caches; }
# CMD must succeed without a byte of content on the wire, either way.
quiet() { local n=$1 r w; shift; forget; r=$(nfsop READ) w=$(nfsop WRITE)
    if ! _run "$@"; then _bad "$n" "status $?, $OUT"; return; fi
    r=$(($(nfsop READ) - r)) w=$(($(nfsop WRITE) - w))
    if [ "$r$w" = 00 ]; then _ok "$n"; else _bad "$n" "$r READ, $w WRITE on the wire"; fi; }
# copies SRC DST [LENGTH [FROM [TO]]] by copy_file_range
copies() { python3 -c 'import os,sys
s=os.open(sys.argv[1],os.O_RDONLY); d=os.open(sys.argv[2],os.O_WRONLY|os.O_CREAT)
n,a,b=([int(x) for x in sys.argv[3:]]+[os.fstat(s).st_size,0,0][len(sys.argv)-3:])[:3]
while n>0:
    c=os.copy_file_range(s,d,n,a,b)
    if c==0: break
    n-=c; a+=c; b+=c' "$@"; }
dd if=/dev/urandom of=src bs=1M count=64 conv=fsync status=none
wire copy COPY copies src copy
check copy-data cmp src copy
quiet copy-quiet copies src quiet
check copy-quiet-data cmp src quiet
check cp cp src cp
check cp-data cmp src cp
# a part, into the middle of another file
cp src part; cp src model
dd if=src of=model bs=1 skip=1000 seek=70001 count=300000 conv=notrunc status=none
check part copies src part 300000 1000 70001
check part-data cmp part model
# by several at once
check beside sh -c 'for i in 1 2 3 4; do cp src b$i & done; wait; for i in 1 2 3 4; do cmp src b$i || exit 1; done'
maybe reflink wire CLONE cp --reflink=always src clone
if [ "$LAST" = ok ]; then
    check reflink-data cmp src clone
    quiet reflink-quiet cp --reflink=always src clone2
    check reflink-over sh -c 'echo new | dd of=clone conv=notrunc status=none; sync clone'
    check reflink-apart cmp src clone2
    same reflink-changed new "$(head -1 clone)"
fi
summary
