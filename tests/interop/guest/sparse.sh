. /job/lib.sh
fresh
# where there is data, in KiB, by SEEK_DATA and SEEK_HOLE
walk() { python3 -c 'import os,sys
f=os.open(sys.argv[1],os.O_RDONLY); e=os.fstat(f).st_size; at=0; out=[]
while at<e:
    try: d=os.lseek(f,at,os.SEEK_DATA)
    except OSError: break
    h=os.lseek(f,d,os.SEEK_HOLE); out.append("%d-%d"%(d>>10,h>>10)); at=h
print(" ".join(out))' "$1"; }
kib() { sync "$1"; echo 3 > /proc/sys/vm/drop_caches; du -k "$1" | cut -f1; }
zeros() { dd if="$1" bs=1K skip="$2" count="$3" status=none | tr -d -c '\000' | wc -c; }
truncate -s 4M sp
for at in 0 1 3; do xfs_io -c "pwrite -S 0x41 ${at}m 128k" -c fsync sp > /dev/null; done
# a file without holes has one at its end
dd if=/dev/urandom of=full bs=64k count=16 conv=fsync status=none
wire seek SEEK walk sp
same walk-full 0-1024 "$(walk full)"
if [ "$(walk sp)" = 0-4096 ]; then _na walk "no holes are told"; else
    same walk '0-128 1024-1152 3072-3200' "$(walk sp)"
fi
refused seek-behind 'No such device or address' python3 -c 'import os
os.lseek(os.open("sp",os.O_RDONLY),4<<20,os.SEEK_DATA)'
check cp cp sp copy
same cp-size 4194304 "$(stat -c %s copy)"
check cp-data cmp sp copy
check cp-sparse cp --sparse=always sp always
check cp-sparse-data cmp sp always
check cp-sparse-room test "$(kib always)" -le 512
# room
maybe allocate wire ALLOCATE fallocate -o 1M -l 1M al
if [ "$LAST" = ok ]; then
    same allocate-size 2097152 "$(stat -c %s al)"
    check allocate-room test "$(kib al)" -ge 1024
    same allocate-zeros 2097152 "$(zeros al 0 2048)"
    check allocate-over sh -c 'cp full over; fallocate -l 2M over; cmp -n 1048576 full over'
    same allocate-over-size 2097152 "$(stat -c %s over)"
    refused allocate-much 'No space left|Disk quota|too large' fallocate -l 8000T al
    same allocate-much-size 2097152 "$(stat -c %s al)"
fi
maybe punch wire DEALLOCATE fallocate -p -o 1M -l 128K sp
if [ "$LAST" = ok ]; then
    same punch-walk '0-128 3072-3200' "$(walk sp)"
    same punch-size 4194304 "$(stat -c %s sp)"
    same punch-zeros 131072 "$(zeros sp 1024 128)"
    same punch-left 131072 "$(dd if=sp bs=1K skip=3072 count=128 status=none | tr -d -c A | wc -c)"
    check punch-unaligned sh -c 'cp full odd; fallocate -p -o 1001 -l 300000 odd'
    cp full model; dd if=/dev/zero of=model bs=1 seek=1001 count=300000 conv=notrunc status=none
    check punch-unaligned-data cmp odd model
    before=$(kib full)
    check punch-all fallocate -p -o 0 -l 1M full
    check punch-room test "$(kib full)" -lt "$before"
    check dig fallocate -d model
    check dig-data cmp odd model
    check written-again sh -c 'echo new > full; sync full; [ "$(head -c 3 full)" = new ]'
fi
refused collapse 'not supported' fallocate -c -o 0 -l 128K sp
refused keep-size 'unsupported|not supported' fallocate -n -l 8M sp
# by a user, whose own program loses its privileges by it
if [ -s al ]; then
    mkdir -m 777 pub; cp sp pub/su; chown 1001 pub/su; chmod 4755 pub/su
    check suid-allocate python3 -c 'import os
os.setgroups([]); os.setgid(1001); os.setuid(1001)
os.posix_fallocate(os.open("pub/su",os.O_RDWR),0,8<<20)'
    same suid-gone 755 "$(stat -c %a pub/su)"
fi
summary
