# Client A of two: holds a delegation and falls silent; no packet leaves, no FIN.
. /job/lib.sh
# It does not come back: QEMU's network does not always survive the link.
W=$MNT/${SUB:-.}/silent; rm -rf "$W"; mkdir -p "$W/others"; cd "$W" || exit 1
echo first > f; sync f
echo 3 > /proc/sys/vm/drop_caches
for i in 1 2 3 4 5; do exec 6< f; exec 6<&-; done     # some servers want a second open
exec 5< f; read -r x <&5; same a-read first "$x"
opens() { echo $(( $(nfsop OPEN) + $(nfsop OPEN_NOATTR) )); }
b=$(opens); cat f > /dev/null; a=$(opens)
[ $((a-b)) = 0 ] && _ok delegation || { OUT="the server gave no delegation"; _na delegation; }
check link-down busybox ip link set eth0 down
check signal-b signal silent-a
check b-wrote await silent-b 150
cd /; check unmounted busybox umount -f -l "$MNT"      # nobody would answer a proper one
KEEPDIR=1 summary
