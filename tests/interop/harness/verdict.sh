# What became of the run, from the guests' result and console logs.
# Sourced by linux-client.

CRASH='Kernel panic|Oops:|BUG:|general protection fault'
WARNING='WARNING: .*CPU[:#]'           # the processor comes first in 6.1, later in 7.3

status_of() {               # client -> RC, said on stderr
    local c=$1 log=$RUN/client$1 res con
    res=$log.res con=$log.console.log
    if grep -qaE "$CRASH" "$con" 2> /dev/null; then
        say "${WHO}the guest kernel crashed:"; grep -aE -m1 -A25 "$CRASH" "$con" | sed 's/\r$//' >&2
        RC=125
    elif [ -n "${LATE[$c]:-}" ]; then
        say "${WHO}timed out after ${TIMEOUT} s (killed)"; RC=124
    elif ! grep -qa '^boot ' "$res"; then
        say "${WHO}the guest did not boot: $(tail -n 3 "$log.qemu.log" | tr '\n' ' ')"; RC=125
    elif grep -qaE '^mount [^0]' "$res"; then
        say "${WHO}mount failed (vers=$VERS port=$PORT export=$EXPORT)"; RC=126
    elif ! grep -qa '^done ' "$res"; then
        say "${WHO}the guest stopped without a result"; RC=125
    elif grep -qa '^soft ' "$res"; then
        say "${WHO}the script ran out of time (${TIMEOUT} s for the whole run)"; RC=124
    else
        RC=$(awk '$1=="exit" && $3!=0 {print $3; f=1; exit} END{if(!f) print 0}' "$res")
        if grep -qaE '^umount [^0]' "$res"; then
            say "${WHO}umount failed"; [ "$RC" = 0 ] && RC=125
        fi
    fi
    if grep -qa "$WARNING" "$con" 2> /dev/null; then
        say "${WHO}kernel warning in the guest:"; grep -a -m1 -A12 "$WARNING" "$con" | sed 's/\r$//' >&2
        [ $STRICT = 1 ] && [ "$RC" = 0 ] && RC=125
    fi
}

complaints() {              # client: what its NFS client said is worth showing in any case
    grep -aiE 'nfs|sunrpc|rpc:|blocked for more than' "$RUN/client$1.console.log" 2> /dev/null |
        grep -avE 'Registering|FS-Cache|netfs:|Key type|RPC: Registered|[Cc]ommand line' |
        head -n 8 | sed "s/\r\$//; s/^/$PROG: ${WHO}kernel: /" >&2
}

timings() {                 # client
    awk -v who="$WHO" -v w="$WALL" -v a="$ACCEL" '
        $1=="boot"{b=$2} $1=="mount"{m=sprintf(", mount %.2f s", $4-$3)}
        $1=="exit"{s=s sprintf(", script%s %.2f s (status %s)", $2, $5-$4, $3)}
        $1=="umount"{u=sprintf(", umount %.2f s", $4-$3)}
        END{printf "linux-client: %sboot %s s%s%s%s, whole run %.2f s (%s)\n", who, b, m, s, u, w/1000, a}' \
        "$RUN/client$1.res" >&2
}

# Exits with the status of the first client whose status is not 0.
verdict() {
    local c final=0
    for c in $(seq 1 "$CLIENTS"); do
        WHO=
        [ "$CLIENTS" -gt 1 ] && WHO="client $c: "
        status_of "$c"
        complaints "$c"
        if [ "$RC" != 0 ] && [ $SHOWCON = 1 ]; then
            say "${WHO}console:"; tail -n 60 "$RUN/client$c.console.log" | sed 's/\r$//' >&2
        fi
        [ $TIMINGS = 0 ] || timings "$c"
        [ $final != 0 ] || final=$RC
    done
    exit "$final"
}
