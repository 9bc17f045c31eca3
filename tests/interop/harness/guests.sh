# The run: a job for each guest, QEMU, and the wires between guest and host.
# Sourced by linux-client, which sets the options.

listening() {               # port: does anything listen there, on loopback or everywhere?
    local hex; hex=$(printf '%04X' "$1")
    awk -v p="$hex" '$4=="0A"{n=split($2,a,":"); if (a[n]==p && (a[1]=="0100007F"||a[1]~/^0+$/||a[1]=="0000000000000000FFFF00000100007F")) f=1} END{exit !f}' \
        /proc/net/tcp /proc/net/tcp6 2> /dev/null
}
inuse() {                   # port
    local hex; hex=$(printf '%04X' "$1")
    awk -v p="$hex" '{n=split($2,a,":"); if (a[n]==p) f=1} END{exit !f}' /proc/net/tcp /proc/net/tcp6 2> /dev/null
}

PIDS=()                     # QEMUs and our own helpers, all started here
end_ours() {
    local p n=0
    [ ${#PIDS[@]} -gt 0 ] || return 0
    kill "${PIDS[@]}" 2> /dev/null
    while [ $n -lt 20 ] && kill -0 "${PIDS[@]}" 2> /dev/null; do sleep 0.05; n=$((n + 1)); done
    for p in "${PIDS[@]}"; do kill -9 "$p" 2> /dev/null; wait "$p" 2> /dev/null; done
    PIDS=()
}
cleanup() {
    end_ours
    if [ -n "$KEEP" ]; then
        mkdir -p "$KEEP" && cp "$RUN"/*.log "$RUN"/*.res "$RUN"/*.cmd "$KEEP/" 2> /dev/null
    fi
    rm -rf "$RUN"
}
now_ms() { echo $(( ($(date +%s%N) - T0) / 1000000 )); }

# The scripts of one guest; "a.sh,b.sh" is split.
scripts_of() {              # client -> array MINE
    local spec
    if [ "$CLIENTS" -eq 1 ]; then MINE=("${SCRIPTS[@]}"); return; fi
    if [ ${#SCRIPTS[@]} -eq 1 ]; then spec=${SCRIPTS[0]}; else spec=${SCRIPTS[$1 - 1]}; fi
    if [ -e "$spec" ] || [ "$spec" = - ] || [ "$spec" = @inline ]; then MINE=("$spec"); else IFS=, read -r -a MINE <<< "$spec"; fi
}

STDIN_COPY=
declare -A CB=() QP=()      # callback port and QEMU of each client
make_job() {                # client
    local c=$1 j=$RUN/job.$1 n=0 s names= clientaddr= params= e f soft
    mkdir -p "$j/job/files"
    scripts_of "$c"
    for s in "${MINE[@]}"; do
        n=$((n + 1))
        case $s in
            @inline) f=$n-inline.sh; printf '%s\n' "$INLINE" > "$j/job/$f" ;;
            -) [ -n "$STDIN_COPY" ] || { STDIN_COPY=$RUN/stdin; cat > "$STDIN_COPY"; }
               f=$n-stdin.sh; cp "$STDIN_COPY" "$j/job/$f" ;;
            *) [ -r "$s" ] || die 2 "cannot read $s"
               f=$n-$(basename -- "$s" | tr -c 'A-Za-z0-9._\n-' _); cp -- "$s" "$j/job/$f" ;;
        esac
        names="$names $f"
    done
    cp "$HERE/guest/lib.sh" "$j/job/lib.sh"
    for f in "${PUTS[@]}"; do cp -a -- "$f" "$j/job/files/" || die 2 "cannot copy $f"; done
    if [ "$VERS" = 4.0 ]; then
        # The server on the host dials 127.0.0.1:PORT, which QEMU forwards to the guest.
        params="callback_tcpport=${CB[$c]:-0}"
        clientaddr=127.0.0.1
        [ "$CALLBACK" = 1 ] || { clientaddr=0.0.0.0; params=; }
    fi
    # The guest stops its script before the host kills the guest, to say where it hangs.
    soft=$((TIMEOUT > 12 ? TIMEOUT - 6 : TIMEOUT - TIMEOUT / 3))
    {
        printf '%s=%q\n' VERS "$VERS" PORT "$PORT" EXPORT "$EXPORT" OPTS "$OPTS" HELPER "$HELPER" \
            MNT /mnt GUESTNAME "$NAME-$c" CLIENTADDR "$clientaddr" NFS_PARAMS "$params" SOFT "$soft"
        printf 'JOBSCRIPTS="%s"\n' "$names"
    } > "$j/job/env.harness"
    {
        printf 'export %s=%q\n' PACE "$PACE" MNT /mnt CLIENT "$c" CLIENTS "$CLIENTS" NFSVERS "$VERS" NFSPORT "$PORT" HOSTNAME "$NAME-$c"
        for e in "${ENVS[@]}"; do printf 'export %s=%q\n' "${e%%=*}" "${e#*=}"; done
    } > "$j/job/env.user"
    # A second archive after the cached one; the kernel unpacks both.
    { cat "$GUEST/initrd.cpio" && (cd "$j" && find . | cpio -o -H newc -R 0:0 --quiet); } > "$RUN/initrd.$c" ||
        die 125 "cannot write the job into $RUN"
    rm -rf "$j"
}

# Answers the guest's signal / await / hook lines, one guest each.
relay() {                   # client
    local c=$1 word a b end rc
    exec 5<> "$RUN/ctl$c.out" 6<> "$RUN/ctl$c.in"
    while read -r word a b <&5; do
        case $word in
            signal) : > "$RUN/sig/${a//[^A-Za-z0-9._-]/_}"; echo 0 >&6 ;;
            await)
                rc=124; end=$(($(date +%s%N) + ${b:-30} * PACE * 1000000000))
                while :; do
                    [ -e "$RUN/sig/${a//[^A-Za-z0-9._-]/_}" ] && { rc=0; break; }
                    [ "$(date +%s%N)" -lt "$end" ] || break
                    sleep 0.03
                done
                echo $rc >&6 ;;
            hook)
                rc=127
                # shellcheck disable=SC2086
                [ -n "$HOOK" ] && { LC_CLIENT=$c "$HOOK" $a $b < /dev/null 5>&- 6>&- >&2; rc=$?; }
                echo $rc >&6 ;;
        esac
    done
}

qemu_command() {            # client netdev -> array CMD
    local c=$1 log=$RUN/client$1 port pcap=$PCAP
    CMD=(qemu-system-x86_64 -name "$NAME-$c" -accel "$ACCEL" -cpu "$CPU" -M "pc,usb=off" -smp "$SMP" -m "$MEM"
        -nodefaults -no-user-config -display none -no-reboot -monitor none
        -kernel "$GUEST/vmlinuz" -initrd "$RUN/initrd.$c"
        -append "console=ttyS0 panic=-1 oops=panic quiet loglevel=6 rdinit=/init nokaslr mitigations=off ipv6.disable=1 8250.nr_uarts=1 random.trust_cpu=on audit=0 selinux=0 apparmor=0 rcupdate.rcu_expedited=1 no_timer_check"
        -chardev "file,id=con,path=$log.console.log" -serial chardev:con
        -netdev "$2" -device "virtio-net-pci,netdev=n0,romfile=,mac=52:54:00:4e:46:$(printf %02x "$c")"
        -device virtio-serial-pci
        -chardev "pipe,id=ctl,path=$RUN/ctl$c" -device "virtserialport,chardev=ctl,name=ctl")
    for port in out err res; do
        CMD+=(-chardev "file,id=$port,path=$log.$port" -device "virtserialport,chardev=$port,name=$port")
    done
    [ "$CLIENTS" -gt 1 ] && pcap=$PCAP.$c
    [ -z "$PCAP" ] || CMD+=(-object "filter-dump,id=dump,netdev=n0,file=$pcap,maxlen=1048576")
}

TAILS=()
follow() {                  # client file: shows it while the guest runs
    if [ "$CLIENTS" -eq 1 ]; then
        tail -q -n +1 -s 0.05 -f --pid="${QP[$1]}" "$2" &
    else
        tail -q -n +1 -s 0.05 -f --pid="${QP[$1]}" "$2" | sed -u "s/^/[c$1] /" &
    fi
    TAILS+=($!)
}

start_client() {            # client
    local c=$1 try net log=$RUN/client$1
    mkfifo "$RUN/ctl$c.in" "$RUN/ctl$c.out"
    for try in 1 2 3 4 5; do
        net=user,id=n0,ipv6=off
        if [ "$VERS" = 4.0 ] && [ "$CALLBACK" = 1 ]; then
            while :; do CB[$c]=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)); inuse "${CB[$c]}" || break; done
            net=$net,hostfwd=tcp:127.0.0.1:${CB[$c]}-10.0.2.15:${CB[$c]}
        fi
        make_job "$c"
        qemu_command "$c" "$net"
        printf '%q ' "${CMD[@]}" > "$log.cmd"
        : > "$log.out"; : > "$log.err"; : > "$log.res"
        "${CMD[@]}" < /dev/null > "$log.qemu.log" 2>&1 &
        QP[$c]=$!; PIDS+=($!)
        # A callback port that was taken meanwhile makes QEMU stop at once: try another.
        [ "$VERS" = 4.0 ] && [ "$CALLBACK" = 1 ] || break
        sleep 0.15
        kill -0 "${QP[$c]}" 2> /dev/null && break
        grep -q 'host forwarding' "$log.qemu.log" || break
    done
    relay "$c" & PIDS+=($!)
    follow "$c" "$log.out"
    follow "$c" "$log.err" >&2
}

alive() {                   # does any guest run?
    local p
    for p in "${QP[@]}"; do kill -0 "$p" 2> /dev/null && return 0; done
    return 1
}

# Starts every guest and waits for all, or for the limit; sets LATE and WALL.
declare -A LATE=()
run_guests() {
    local c p
    listening "$PORT" || die 126 "nothing listens on 127.0.0.1:$PORT"
    RUN=$(mktemp -d "${TMPDIR:-/tmp}/linux-client.XXXXXX") || die 125 "mktemp failed"
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$RUN/sig"
    [ -n "$NAME" ] || NAME=lc-$$-$RANDOM
    T0=$(date +%s%N)
    for c in $(seq 1 "$CLIENTS"); do start_client "$c"; done
    while alive; do
        if [ "$(now_ms)" -ge $((TIMEOUT * 1000)) ]; then
            for c in "${!QP[@]}"; do kill "${QP[$c]}" 2> /dev/null && LATE[$c]=1; done
            sleep 0.5
            for c in "${!LATE[@]}"; do kill -9 "${QP[$c]}" 2> /dev/null; done
            break
        fi
        sleep 0.05
    done
    for p in "${QP[@]}" "${TAILS[@]}"; do wait "$p" 2> /dev/null; done
    WALL=$(now_ms)
}
