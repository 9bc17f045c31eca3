# What README says of a stopped server: programs on the mount wait and go on when it is
# back, and the mount can be let go meanwhile (wants --hook; ends with the mount gone).
. /job/lib.sh
fresh
echo one > f; exec 5>> f
check stop hook stop
ls nothing > /dev/null 2>&1 & reader=$!
(echo two >&5; sync f) & writer=$!
sleep 5
check reader-waits kill -0 $reader
check writer-waits kill -0 $writer
check start hook start
wait $reader; same reader-goes-on 2 $?
wait $writer; same writer-goes-on 0 $?
exec 5>&-
same  data "one two" "$(xargs < f)"
cd /; rm -rf "$W"
check stop-again hook stop
ls "$MNT/nothing" > /dev/null 2>&1 & reader=$!
sleep 2
check unmounted within 60 umount -f -l "$MNT"
wait $reader; same reader-is-let-go 2 $?
same  mount-is-gone "" "$(grep " $MNT nfs" /proc/self/mounts)"
check start-again hook start
KEEPDIR=1 summary
