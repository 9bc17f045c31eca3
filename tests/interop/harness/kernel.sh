# The guest's kernel: its packages, and the modules that the guest loads.
# Sourced by linux-client, which sets KERNEL.

MODULES="virtio_pci virtio_net virtio_console crc32c_intel nfsv4
         nfs_layout_nfsv41_files nfs_layout_flexfiles blocklayoutdriver"
BOOTMODS="virtio_pci virtio_console virtio_net nfsv4"     # loaded by init, with what they need
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Unpacks the kernel into k/ of the work-folder, by Debian's layout since trixie:
# all in usr/lib/modules/RELEASE. Sets RELEASE.
unpack_kernel() {           # work-folder
    local w=$1 list=() deb
    case $KERNEL in
        6.1) mapfile -t list < <(apt_depends linux-image-cloud-amd64 |
                sed -n "s/^ *Depends: \(linux-image-$KERNEL\..*\)/\1/p") ;;
        *)  # Not of this machine's release: a list of its own, which leaves the machine's alone.
            private_apt "$w/apt" trixie-backports || return 1
            local -x APT_CONFIG=$w/apt/apt.conf
            RELEASE=$(apt-cache pkgnames "linux-binary-$KERNEL." |
                sed -n 's/^linux-binary-\(.*-cloud-amd64\)$/\1/p' | sort -V | tail -n 1)
            [ -z "$RELEASE" ] || list=(linux-{base,binary,modules}-"$RELEASE") ;;
    esac
    [ ${#list[@]} -gt 0 ] || { say "apt finds no Linux $KERNEL for clouds (apt-get update?)"; return 1; }
    say "building the guest from Debian packages (${list[*]}${WITH:+, $WITH}); later runs use the cache"
    fetch_debs "$w/kdeb" "${list[@]}" || { say "cannot download ${list[*]}"; return 1; }
    mkdir -p "$w/k/usr/lib"
    ln -s usr/lib "$w/k/lib"
    for deb in "$w"/kdeb/*.deb; do
        dpkg --fsys-tarfile "$deb" | tar -x -C "$w/k" --keep-directory-symlink --no-same-owner || return 1
    done
    rm -rf "$w/kdeb"
    RELEASE=$(ls "$w/k/lib/modules"); RELEASE=${RELEASE%%$'\n'*}
    [ ! -f "$w/k/boot/vmlinuz-$RELEASE" ] || mv "$w/k/boot/vmlinuz-$RELEASE" "$w/k/lib/modules/$RELEASE/vmlinuz"
    [ -f "$w/k/lib/modules/$RELEASE/vmlinuz" ] || { say "no vmlinuz in ${list[*]}"; return 1; }
}

# An apt that knows one suite, of the mirror that this machine uses, reached as
# this machine's apt reaches it (proxies and the like).
private_apt() {             # folder suite
    local dir=$1 suite=$2 mirror
    mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2> /dev/null |
        awk '$1=="Debian" && NF==2 {print $2; exit}')
    [ -n "$mirror" ] || { say "apt knows no mirror of Debian (apt-get update?)"; return 1; }
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : > "$dir/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$suite" > "$dir/sources.list"
    {
        apt-config dump Acquire
        printf '%s "%s";\n' Dir::State "$dir/state" Dir::State::status "$dir/status" Dir::Cache "$dir/cache" \
            Dir::Etc::sourcelist "$dir/sources.list" Dir::Etc::sourceparts /dev/null \
            Dir::Etc::parts /dev/null APT::Sandbox::User root APT::Architectures:: amd64 \
            APT::Update::Error-Mode any
    } > "$dir/apt.conf"
    APT_CONFIG=$dir/apt.conf apt-get -q update > "$dir/log" 2>&1 ||
        { tail -n 5 "$dir/log" >&2; say "cannot read $suite of $mirror"; return 1; }
}

put_modules() {             # tree release target
    local tree=$1 release=$2 to=$3 m f rel
    mkdir -p "$to/lib/modules/$release"
    depmod -b "$tree" "$release" || return 1
    for m in $MODULES; do
        modprobe -d "$tree" -S "$release" --show-depends "$m" 2>/dev/null | awk '$1=="insmod"{print $2}' |
        while read -r f; do
            rel=${f##*/lib/modules/"$release"/}
            mkdir -p "$to/lib/modules/$release/$(dirname "$rel")"
            case $f in
                *.ko)     cp "$f" "$to/lib/modules/$release/$rel" ;;
                *.ko.xz)  xz -dc "$f" > "$to/lib/modules/$release/${rel%.xz}" ;;
                *.ko.zst) zstd -qdc "$f" > "$to/lib/modules/$release/${rel%.zst}" ;;
            esac
        done
    done
    cp "$tree/lib/modules/$release/modules.builtin" "$tree/lib/modules/$release/modules.builtin.modinfo" \
       "$tree/lib/modules/$release/modules.order" "$to/lib/modules/$release/" 2>/dev/null
    depmod -b "$to" "$release" || return 1
    for m in $BOOTMODS; do
        modprobe -d "$to" -S "$release" --show-depends "$m" | awk '$1=="insmod"{print $2}' |
            sed "s|^$to||; s|.*/lib/modules/|/lib/modules/|"
    done | awk '!s[$0]++' > "$to/lib/boot-modules"
    for m in $BOOTMODS; do
        grep -q "/$m\.ko" "$to/lib/boot-modules" "$to/lib/modules/$release/modules.builtin" ||
            { say "the kernel has no $m"; return 1; }
    done
}
