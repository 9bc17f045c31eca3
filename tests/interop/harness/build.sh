# The guest: a kernel and an initramfs of Debian binaries, kept in the cache.
# Sourced by linux-client, which sets CACHE, KERNEL, WITH, REBUILD and ACCEL.

TOOLS="bash dash coreutils util-linux mount nfs-common attr acl nfs4-acl-tools xfsprogs
       strace python3-minimal python3.11-minimal libpython3.11-minimal diffutils
       findutils grep sed gawk procps"
PROGRAMS="bash dash mount umount mount.nfs nfsstat losetup flock fallocate setsid unshare nsenter
          getfattr setfattr getfacl setfacl nfs4_getfacl nfs4_setfacl xfs_io strace python3.11
          diff cmp find xargs grep sed gawk ps
          cat chgrp chmod chown cksum comm cp cut date dd df du env expr false head id install
          link ln ls md5sum mkdir mkfifo mknod mktemp mv nl od paste pathchk printf readlink
          realpath rm rmdir seq sha256sum shuf sleep sort split stat stdbuf sum sync tac tail
          tee test timeout touch tr true truncate uniq unlink wc"
# What the programs of --with packages read besides their libraries: a
# compiler's headers and start files, git's templates.
DATA="usr/include usr/lib/x86_64-linux-gnu/tcc usr/share/git-core
      usr/lib/x86_64-linux-gnu/crt1.o usr/lib/x86_64-linux-gnu/crti.o usr/lib/x86_64-linux-gnu/crtn.o
      usr/lib/x86_64-linux-gnu/libc.so usr/lib/x86_64-linux-gnu/libc_nonshared.a"

apt_depends() {
    apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances "$@" 2>/dev/null
}

# The named packages and every library package they need, one a line.
closure() {
    local -A seen=()
    local todo=("$@") next p
    while [ ${#todo[@]} -gt 0 ]; do
        for p in "${todo[@]}"; do seen[$p]=1; done
        mapfile -t next < <(apt_depends "${todo[@]}" |
            sed -n 's/^ *|*\(Pre\)\{0,1\}Depends: *//p' | grep -E '^(lib|zlib)' | sort -u)
        todo=()
        for p in "${next[@]}"; do [ -n "${seen[$p]:-}" ] || todo+=("$p"); done
    done
    printf '%s\n' "${!seen[@]}" | sort
}

fetch_debs() {              # directory package...
    local dir=$1; shift
    mkdir -p "$dir"
    (cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$@") >"$dir.log" 2>&1 || {
        tail -n 5 "$dir.log" >&2; return 1; }
}

# Copy programs and the libraries they need from the unpacked packages.
put_programs() {            # sysroot target program...
    local sys=$1 to=$2; shift 2
    local ld=$sys/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 d p f lib path
    path=$sys/lib/x86_64-linux-gnu:$sys/usr/lib/x86_64-linux-gnu:$sys/lib:$sys/usr/lib
    mkdir -p "$to/bin" "$to/lib64" "$to/lib/x86_64-linux-gnu"
    cp -L "$ld" "$to/lib64/ld-linux-x86-64.so.2"
    for p in "$@"; do
        f=
        for d in usr/bin bin usr/sbin sbin; do [ -f "$sys/$d/$p" ] && { f=$sys/$d/$p; break; }; done
        [ -n "$f" ] || continue
        cp -L "$f" "$to/bin/$p"
        head -c 4 "$f" | grep -q ELF || continue
        "$ld" --library-path "$path" --list "$f" 2>/dev/null | awk '$2=="=>"&&$3~/^\//{print $3}' |
        while read -r lib; do
            [ -e "$to/lib/x86_64-linux-gnu/${lib##*/}" ] || cp -L "$lib" "$to/lib/x86_64-linux-gnu/"
        done
    done
}

# The unpacked packages of TOOLS and --with; their programs go to EXTRA.
unpack_tools() {            # work-folder
    local w=$1 sys=$1/sys list d deb pk
    # shellcheck disable=SC2086
    mapfile -t list < <(closure $TOOLS ${WITH//,/ })
    fetch_debs "$w/debs" "${list[@]}" || { say "cannot download the guest's tools"; return 1; }
    mkdir -p "$sys"
    for d in bin sbin lib lib64; do mkdir -p "$sys/usr/$d"; ln -s "usr/$d" "$sys/$d"; done
    for deb in "$w"/debs/*.deb; do      # --keep-...: the /lib -> usr/lib links stay
        dpkg --fsys-tarfile "$deb" | tar -x -C "$sys" --keep-directory-symlink --no-same-owner \
            --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale || return 1
    done
    EXTRA=()
    for pk in ${WITH//,/ }; do
        mapfile -t -O ${#EXTRA[@]} EXTRA < <(dpkg-deb -c "$w/debs/${pk}"_*.deb |
            awk '$1 ~ /^[-l]/ && $6 ~ /^\.\/(usr\/)?s?bin\// {n=split($6,x,"/"); print x[n]}')
    done
    rm -rf "$w/debs"
}

# Programs, what they read, busybox for the rest, and our own helpers.
put_system() {              # sysroot target
    local sys=$1 r=$2 p applet data
    # shellcheck disable=SC2086
    put_programs "$sys" "$r" $PROGRAMS "${EXTRA[@]}"
    [ -x "$r/bin/bash" ] && [ -x "$r/bin/mount" ] || { say "guest tools are missing"; return 1; }
    cp -L "$(command -v busybox)" "$r/bin/busybox"
    for applet in $(busybox --list); do [ -e "$r/bin/$applet" ] || ln -s busybox "$r/bin/$applet"; done
    ln -sf gawk "$r/bin/awk"
    ln -sf dash "$r/bin/sh"      # busybox sh would put its own applets before coreutils
    ln -sf mount.nfs "$r/bin/mount.nfs4"; ln -sf mount.nfs "$r/bin/umount.nfs4"
    ln -sf python3.11 "$r/bin/python3"
    cp -a "$sys/usr/lib/python3.11" "$r/lib/"
    find "$r/lib/python3.11" \( -name '_ssl*' -o -name '_hashlib*' \) -exec rm -f {} +
    if [ -n "$WITH" ]; then
        for data in $DATA; do
            [ -e "$sys/$data" ] && { mkdir -p "$r/${data%/*}"; cp -aL "$sys/$data" "$r/$data"; }
        done
    fi
    for p in init nfsmount ctl nfsop; do install -m 755 "$HERE/harness/root/$p" "$r/usr/local/bin/"; done
    mv "$r/usr/local/bin/init" "$r/init"
    for p in signal await hook; do ln -sf ctl "$r/usr/local/bin/$p"; done
}

put_etc() {                 # target
    local e=$1/etc
    printf '%s\n' root:x:0:0:root:/root:/bin/bash user1:x:1001:1001::/tmp:/bin/bash \
        user2:x:1002:1002::/tmp:/bin/bash nobody:x:65534:65534::/:/bin/bash > "$e/passwd"
    printf '%s\n' root:x:0: user1:x:1001: user2:x:1002: nogroup:x:65534: > "$e/group"
    printf '%s: files\n' passwd group hosts netgroup > "$e/nsswitch.conf"
    printf '127.0.0.1 localhost\n10.0.2.2 server host\n' > "$e/hosts"
    printf 'tcp 6 TCP\nudp 17 UDP\n' > "$e/protocols"
    printf 'tcp tpi_cots_ord v inet tcp - -\nudp tpi_clts v inet udp - -\n' > "$e/netconfig"
    ln -sf /proc/self/mounts "$e/mtab"
}

build() {                   # folder
    local w=$1.build.$$ t0=$SECONDS rc=0
    rm -rf "$w"; mkdir -p "$w/out" || return 1
    build_in "$w" && rm -rf "$1" && mv "$w/out" "$1" || rc=1
    rm -rf "$w"
    [ $rc = 0 ] && say "built in $((SECONDS - t0)) s: $(du -sh "$1" | cut -f1) in $1"
    return $rc
}

build_in() {                # work-folder, with an empty out/
    local w=$1 RELEASE r
    unpack_kernel "$w" && unpack_tools "$w" || return 1

    r=$w/root
    mkdir -p "$r"/{bin,dev,proc,sys,tmp,run,etc,root,job,mnt,var,sbin,usr/local/bin}
    ln -s ../bin "$r/usr/bin"; ln -s ../bin "$r/usr/sbin"; ln -s ../lib "$r/usr/lib"
    ln -s ../bin/busybox "$r/sbin/modprobe"
    put_modules "$w/k" "$RELEASE" "$r" && put_system "$w/sys" "$r" || return 1
    put_etc "$r"
    # Not compressed: unpacking costs less under TCG than decompressing.
    (cd "$r" && find . -print0 | sort -z | cpio -0 -o -H newc -R 0:0 --quiet) > "$w/out/initrd.cpio" || return 1
    cp "$w/k/lib/modules/$RELEASE/vmlinuz" "$w/out/vmlinuz"
    echo "Linux $RELEASE" > "$w/out/about"
}

# /dev/kvm can open and still not run a kernel (nested hosts), so boot one once.
kvm_works() {
    local d rc
    [ -w /dev/kvm ] || return 1
    d=$(mktemp -d) || return 1
    mkdir -p "$d/r/bin" "$d/r/dev"
    cp -L "$(command -v busybox)" "$d/r/bin/busybox"
    printf '#!/bin/busybox sh\necho LC-KVM-OK\n/bin/busybox reboot -f\n' > "$d/r/init"; chmod 755 "$d/r/init"
    (cd "$d/r" && find . | cpio -o -H newc --quiet) > "$d/i.cpio"
    timeout -k 1 8 qemu-system-x86_64 -accel kvm -cpu host -M pc -m 256 -nodefaults -nographic -no-reboot \
        -serial stdio -monitor none -kernel "$GUEST/vmlinuz" -initrd "$d/i.cpio" \
        -append 'console=ttyS0 panic=-1 quiet' < /dev/null 2> /dev/null > "$d/out"
    grep -q LC-KVM-OK "$d/out"; rc=$?
    rm -rf "$d"
    return $rc
}

# Builds the guest where the cache has none; sets GUEST, ACCEL and CPU.
prepare_guest() {
    # The way of building is part of the key: a changed file here builds anew.
    local key af
    key=$({ echo "$KERNEL $WITH"; cat "$HERE"/harness/{build,kernel}.sh "$HERE"/harness/root/*; } | sha256sum | cut -c1-12)
    GUEST=$CACHE/guest-$key
    mkdir -p "$CACHE" || die 125 "cannot make $CACHE"
    exec 7> "$CACHE/.lock" || die 125 "cannot write in $CACHE"
    flock 7
    if [ $REBUILD = 1 ] || [ ! -s "$GUEST/initrd.cpio" ] || [ ! -s "$GUEST/vmlinuz" ]; then
        build "$GUEST" || exit 125
    fi
    if [ "$ACCEL" = auto ]; then
        af=$CACHE/accel-$(uname -r | tr -c 'A-Za-z0-9._\n-' _)
        if [ ! -s "$af" ]; then
            if kvm_works; then echo kvm; else echo tcg; fi > "$af.$$" && mv "$af.$$" "$af"
        fi
        ACCEL=$(cat "$af")
    fi
    flock -u 7
    exec 7>&-
    # Linux 7.3 double-faults under TCG of QEMU 7.2 with these two.
    [ "$ACCEL" = kvm ] && CPU=host || CPU=max,-cx16,-la57
}
