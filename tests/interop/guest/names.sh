# Names that are no UTF-8: made here, and made on the host (a `local` folder).
. /job/lib.sh
export LC_ALL=C
fresh
forget() { cd /; echo 3 > /proc/sys/vm/drop_caches; cd "$W" || exit 1; }
raw=$(printf '\377\376') latin=$(printf 'caf\351') cut=$(printf 'a\342\202')
for what in raw latin cut; do
    n=${!what}
    check $what-create sh -c 'echo text > "$1"' - "$n"
    check $what-mkdir mkdir "$n.d"
    check $what-symlink ln -s "$n" "$n.l"
    forget
    same $what-list "$n $n.d $n.l" "$(echo *)"
    same $what-read text "$(cat "$n")"
    same $what-readlink "$n" "$(readlink "$n.l")"
    same $what-follow text "$(cat "$n.l")"
    check $what-rename mv "$n" "$n.d/$n"
    check $what-link ln "$n.d/$n" "x$n"
    same $what-nlink 2 "$(stat -c %h "x$n")"
    check $what-remove rm -r "$n.d" "$n.l" "x$n"
    forget
    same $what-gone '*' "$(echo *)"
done
check host-made hook names "t-$HOSTNAME"
forget
same host-list "$latin $raw" "$(echo *)"
same host-file text "$(cat "$raw/$latin")"
same host-symlink "$raw/$latin" "$(readlink "$latin")"
same host-follow text "$(cat "$latin")"
check host-write sh -c 'echo more >> "$1/$2"' - "$raw" "$latin"
check host-remove rm -r "$raw" "$latin"
forget
same host-gone '*' "$(echo *)"
refused overlong 'too long' touch "$(printf '\377%.0s' $(seq 256))"
summary
