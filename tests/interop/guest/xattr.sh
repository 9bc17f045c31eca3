# Extended attributes (RFC 8276): getfattr and setfattr, and what copies files with them.
. /job/lib.sh
export LC_ALL=C
fresh
forget() { cd /; echo 3 > /proc/sys/vm/drop_caches; cd "$W" || exit 1; }
get() { getfattr --only-values -n "user.$2" "$1"; }
names() { getfattr "$1" | grep '^user' | sort | tr '\n' ' '; }
count() { getfattr "$1" | grep -c '^user'; }
# As another user.
user() { python3 -c 'import os,sys
os.setgroups([]); os.setgid(1000); os.setuid(1000); os.execvp(sys.argv[1], sys.argv[1:])' "$@"; }
# Prints what becomes of os.setxattr: of a file, a name, a length and a flag.
set_() { python3 -c "import os
try: os.setxattr('$1', 'user.$2', b'x' * $3, os.${4:-XATTR_CREATE}); print('kept')
except OSError as e: print(e.strerror)"; }
echo text > f; mkdir d
for x in f d; do
    wire  $x-set SETXATTR setfattr -n user.tag -v red $x
    check $x-set-empty setfattr -n user.empty $x
    check $x-set-odd setfattr -n 'user.a.b/c d' -v 0x00ff0a3d00 $x
    forget
    wire  $x-list LISTXATTRS getfattr $x
    same  $x-names 'user.a.b/c d user.empty user.tag ' "$(names $x)"
    forget
    wire  $x-get GETXATTR getfattr -n user.tag $x
    same  $x-value red "$(get $x tag)"
    same  $x-empty '' "$(get $x empty)"
    same  $x-odd 00ff0a3d00 "$(get $x 'a.b/c d' | od -An -tx1 | tr -d ' \n')"
    refused $x-none 'no such attribute' getfattr -n user.none $x
    same  $x-create 'File exists' "$(set_ $x tag 5)"
    same  $x-replace-none 'No data available' "$(set_ $x other 5 XATTR_REPLACE)"
    same  $x-replace kept "$(set_ $x tag 5 XATTR_REPLACE)"
    forget
    same  $x-replaced xxxxx "$(get $x tag)"
    wire  $x-remove REMOVEXATTR setfattr -x user.tag $x
    forget
    same  $x-removed 'user.a.b/c d user.empty ' "$(names $x)"
    refused $x-remove-none 'no such attribute' setfattr -x user.tag $x
done
touch -d '2001-02-03 04:05:06 UTC' f; c=$(stat -c %Z f)
sleep 1.1; setfattr -n user.t -v 1 f; forget
same mtime 981173106 "$(stat -c %Y f)"
check ctime [ "$(stat -c %Z f)" -gt "$c" ]
# Many, and large.
touch many
check many-set python3 -c 'import os
for i in range(1, 101): os.setxattr("many", f"user.name{i}", b"value%d" % i)'
forget
same many-count 100 "$(count many)"
same many-dump 100 "$(getfattr -d many | grep -c '^user.*=.*value')"
same one-of-many value77 "$(get many name77)"
touch large
same too-large 'Argument list too long' "$(set_ large n 65537)"
case $(set_ large n 65536) in
    kept)
        _ok large
        forget
        same large-size 65536 "$(get large n | wc -c)"
        check much python3 -c 'import os
for i in range(1, 127): os.setxattr("large", f"user.n{i}", b"x" * 65536)'
        last=$(set_ large n127 65536)
        same too-much 'Argument list too long' "$last"
        forget
        same large-count 127 "$(count large)" ;;
    # A block is all that ext4 has for them (`local`).
    *) _ok large-refused ;;
esac
# Links, copies, rights, symlinks.
ln many also; mv many moved
same linked value5 "$(get also name5)"
same moved value6 "$(get moved name6)"
check copy cp --preserve=xattr moved copied
forget
same copied 100 "$(count copied)"
check copy-folder cp -a d e
forget
same copied-folder 'user.a.b/c d user.empty ' "$(names e)"
ln -s f link
same symlink '' "$(getfattr -h link 2>&1)"
refused symlink-set 'not permitted' setfattr -h -n user.n -v 1 link
refused trusted 'not supported' setfattr -n trusted.n -v 1 f
chmod 600 f
refused others-set 'permission denied' user setfattr -n user.n -v 1 f
refused others-get 'permission denied' user getfattr -n user.t f
chmod 644 f
check others-read user getfattr -n user.t f
refused others-set-still 'permission denied' user setfattr -n user.n -v 1 f
# What is gone takes nothing along.
rm -f f; echo new > f
same new-file '' "$(names f)"
summary
