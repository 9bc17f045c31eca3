# The TCP connection is cut again and again under work: the client comes back,
# and nothing that it sends anew is executed twice (wants --hook, see README).
. /job/lib.sh
fresh
# Each step fails if the one before it, or itself, was executed twice or not at all.
work() {
    local i=0
    until [ -e /tmp/enough ]; do
        i=$((i + 1))
        mkdir "d$i" && mv "d$i" "e$i" && rmdir "e$i" && (set -C; : > "f$i") && ln "f$i" "g$i" &&
            [ "$(stat -c %h "g$i")" = 2 ] && rm "f$i" && echo "$i" >> log || { echo "step $i"; return 1; }
    done
    echo $i > /tmp/steps
}
echo held > f; exec 5<> f
check lock flock -n -x 5
dd if=/dev/urandom of=/tmp/data bs=64k count=64 status=none
work > /tmp/work.out 2>&1 & worker=$!
(until [ -e /tmp/enough ]; do dd if=/tmp/data of=copy bs=64k conv=fsync status=none || exit 1; done) & writer=$!
for i in 1 2 3 4 5; do sleep 1; check drop-$i hook drop; done
sleep 1; touch /tmp/enough
wait $worker; same once-each 0 "$?$(cat /tmp/work.out)"
wait $writer; same writes 0 $?
echo "info $(cat /tmp/steps) rounds"
same  log "$(seq "$(cat /tmp/steps)" | xargs)" "$(xargs < log)"
echo 3 > /proc/sys/vm/drop_caches
check data cmp /tmp/data copy
refused lock-held '^$' flock -n -x f true
check unlock flock -u 5
exec 5>&-
summary
