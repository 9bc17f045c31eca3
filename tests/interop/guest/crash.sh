# The server is killed twice in the middle of cp and git work, under open and
# locked files and dirty pages: nothing is wrong afterwards (wants --hook, --with git).
. /job/lib.sh
fresh
rm -f /tmp/enough /tmp/copies /tmp/commits      # of an earlier script in this boot
forget() { echo 3 > /proc/sys/vm/drop_caches; }
random() { dd if=/dev/urandom bs="$1" count="$2" status=none; }
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t

# 300 files of all sizes around which a server may change its mind
mkdir -p /tmp/src/a/b /tmp/src/c
for i in $(seq 100); do
    random $((i * 37)) 1 > /tmp/src/a/small$i
    random $((12000 + i * 97)) 1 > /tmp/src/a/b/medium$i
    echo "line $i" > /tmp/src/c/text$i
done
random 1M 3 > /tmp/src/c/large
ln -s ../c/large /tmp/src/a/symlink
chmod 640 /tmp/src/a/small7

echo one > held; exec 5<> held
check lock flock -n -x 5
echo kept > removed; exec 6<> removed; rm removed

# A copy is begun for as long as there are crashes to come.
copies() {
    local i=0
    until [ -e /tmp/enough ]; do
        i=$((i + 1)); echo $i > /tmp/copies
        cp -r --preserve=mode /tmp/src copy$i || { echo "copy $i"; return 1; }
        [ $i -lt 3 ] || rm -r copy$((i - 2)) || { echo "remove $((i - 2))"; return 1; }
    done
}
commits() {
    local i=0
    echo 0 > /tmp/commits
    git init -q -b main repo && cd repo && cp -r /tmp/src/c . && git add . && git commit -q -m first || return 1
    until [ -e /tmp/enough ] && [ $i -ge 2 ]; do
        i=$((i + 1)); echo $i > /tmp/commits
        echo "more $i" >> c/text$i && cp /tmp/src/a/small$i . && git add . && git commit -q -m "$i" || { echo "commit $i"; return 1; }
    done
}
(copies) > /tmp/copies.out 2>&1 & copying=$!
(commits) > /tmp/commits.out 2>&1 & committing=$!
for i in 1 2; do
    sleep 2
    random 1M 2 > /tmp/dirty$i; cp /tmp/dirty$i dirty$i.closed
    # These pages are dirty when the server goes.
    dd if=/tmp/dirty$i of=dirty$i bs=64k status=none & writing=$!
    echo "line $i" >> held
    check crash-$i hook restart
    wait $writing; same write-$i 0 $?
    check write-under-lock-$i within 100 sh -c "echo after $i >&5 && sync held"
done
touch /tmp/enough
wait $copying; same copies 0 "$?$(cat /tmp/copies.out)"
wait $committing; same commits 0 "$?$(cat /tmp/commits.out)"
COPIES=$(cat /tmp/copies) COMMITS=$(cat /tmp/commits)
echo "info $COPIES copies, $COMMITS commits"
sync; forget

[ "$COPIES" -lt 2 ] || check copy-before diff -r --no-dereference /tmp/src copy$((COPIES - 1))
check copy diff -r --no-dereference /tmp/src copy$COPIES
same  copy-mode 640 "$(stat -c %a copy$COPIES/a/small7)"
for i in 1 2; do
    check dirty-$i cmp /tmp/dirty$i dirty$i
    check written-$i cmp /tmp/dirty$i dirty$i.closed
done
same  removed-is-readable kept "$(cat <&6)"
refused removed-is-gone 'No such file' stat removed
check git-fsck git -C repo fsck --strict
same  git-log $((COMMITS + 1)) "$(git -C repo log --oneline | wc -l)"
same  git-clean "" "$(git -C repo status --porcelain)"
check git-clone git clone -q repo clone
check git-clone-same diff -r -x .git repo clone
refused lock-still-held '^$' flock -n -x held true
check unlock flock -u 5
check lock-again within 60 flock -x held true
same  nothing-lost "" "$(dmesg | grep -iE 'reclaim failed|lost.*lock|NFS.*(error|WARN)')"
exec 5>&- 6>&-
summary
