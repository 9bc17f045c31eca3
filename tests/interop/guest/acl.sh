# Access lists (RFC 8881 6): nfs4_setfacl, nfs4_getfacl and nfs4_editfacl, and three users who meet them.
. /job/lib.sh
export LC_ALL=C
fresh
forget() { cd /; echo 3 > /proc/sys/vm/drop_caches; cd "$W" || exit 1; }
# The entries of a file, in one line.
list() { nfs4_getfacl "$1" | grep '^[AD]:' | tr '\n' ' '; }
mode() { stat -c %a "$1"; }
# Runs a command as a user, who is in one group.
as() { local u=$1 g=$2; shift 2; python3 -c 'import os,sys
u, g = int(sys.argv[1]), int(sys.argv[2])
os.setgroups([g]); os.setgid(g); os.setuid(u); os.execvp(sys.argv[3], sys.argv[3:])' "$u" "$g" "$@"; }
ann() { as 1001 1001 "$@"; }
bob() { as 1002 1002 "$@"; }
eve() { as 1003 2000 "$@"; }
chmod 755 .
echo text > f; chmod 640 f; chown 1001:1001 f
wire  get GETACL nfs4_getfacl f
same  plain 'A::OWNER@:rwatTcCy A::GROUP@:rtcy A::EVERYONE@:tcy ' "$(list f)"
# A host's lists (`local`) have no entry for that alone: the rest is as near as POSIX comes.
ann nfs4_setfacl -a A::1002:d f; forget
case $(list f) in
    *A::1002:*d*) check plain-again ann nfs4_setfacl -x A::1002:d f ;;
    *)
        wire  set SETACL ann nfs4_setfacl -s 'A::OWNER@:rwa,A::1002:r,A::GROUP@:r' f
        forget
        same  mode 640 "$(mode f)"
        same  listed 1 "$(nfs4_getfacl f | grep -c '^A::1002:r')"
        check bob-reads bob cat f
        refused bob-writes 'permission denied' bob sh -c 'echo more >> f'
        refused eve-reads 'permission denied' eve cat f
        check more ann nfs4_setfacl -s 'A::OWNER@:rwa,A::1002:rwa,A:g:2000:r' f
        forget
        check bob-writes bob sh -c 'echo more >> f'
        check eve-reads eve cat f
        refused eve-writes 'permission denied' eve sh -c 'echo more >> f'
        check denied ann nfs4_setfacl -a D::1002:w f
        forget
        check bob-reads-still bob cat f
        refused bob-denied 'permission denied' bob sh -c 'echo more >> f'
        refused bob-sets 'not permitted' bob nfs4_setfacl -a A::1003:r f
        ann chmod 600 f; forget
        refused bob-out 'permission denied' bob cat f
        mkdir d; chown 1001:1001 d
        check d-list ann nfs4_setfacl -s 'A:fd:OWNER@:rwaDx,A:fd:1002:rx' d
        ann sh -c 'echo ann > d/a; mkdir d/t; echo deep > d/t/x'
        forget
        check bob-reads-a bob cat d/a
        check bob-reads-x bob cat d/t/x
        refused eve-reads-a 'permission denied' eve cat d/a
        same  handed-on 1 "$(nfs4_getfacl d/t | grep -c '^A:fdi:1002:')"
        refused no-further 'failed setxattr' ann nfs4_setfacl -s A:fdn:1002:r d
        summary ;;
esac
wire  set SETACL ann nfs4_setfacl -a A::1002:rw f
forget
same  named 'A::1002:rw A::OWNER@:rwatTcCy A::GROUP@:rtcy A::EVERYONE@:tcy ' "$(list f)"
same  named-mode 640 "$(mode f)"
# Who is named reads, and writes with what goes with it; nobody else.
check bob-reads bob cat f
refused bob-writes 'permission denied' bob sh -c 'echo more >> f'
check rwa ann nfs4_setfacl -m A::1002:rw A::1002:rwa f
check bob-writes bob sh -c 'echo more >> f'
refused eve-reads 'permission denied' eve cat f
refused bob-sets 'not permitted' bob nfs4_setfacl -a A::1003:r f
check group ann nfs4_setfacl -a A:g:2000:r f
forget
check eve-reads eve cat f
# What denies comes first.
check deny ann nfs4_setfacl -a D::1002:w f
forget
refused bob-denied 'permission denied' bob sh -c 'echo more >> f'
check bob-reads-still bob cat f
check owner-denied ann nfs4_setfacl -s 'D::OWNER@:w,A::EVERYONE@:rwa' f
forget
same  owner-mode 466 "$(mode f)"
refused ann-writes 'permission denied' ann sh -c 'echo more >> f'
check eve-writes eve sh -c 'echo more >> f'
# A mode takes the list along.
check list ann nfs4_setfacl -s 'A::1002:rwa,A::OWNER@:rwatTcCy,A::GROUP@:rtcy,A::EVERYONE@:tcy' f
ann chmod 600 f; forget
same  chmod 600 "$(mode f)"
refused bob-out 'permission denied' bob cat f
# As nfs4_editfacl, which is another name of it.
printf '#!/bin/sh\necho A::1003:r >> "$1"\n' > /tmp/editor; chmod 755 /tmp/editor
check editor env EDITOR=/tmp/editor nfs4_setfacl -e f
forget
check edited eve cat f
refused odd 'failed setxattr' ann nfs4_setfacl -a U:S:1002:r f
# Folders: what is added, removed and handed on.
mkdir d; chown 1001:1001 d; chmod 750 d
check d-list ann nfs4_setfacl -a A:fd:1002:rwaxD d
check bob-adds bob touch d/b
check bob-adds-folder bob mkdir d/s
refused eve-adds 'permission denied' eve touch d/e
check d-files ann nfs4_setfacl -a A::1003:wx d
forget
check eve-adds-file eve touch d/e
refused eve-adds-folder 'permission denied' eve mkdir d/es
check bob-removes bob rm -f d/e
ann sh -c 'umask 022; echo ann > d/a; mkdir d/t; echo deep > d/t/x'
forget
check bob-reads-a bob cat d/a
check bob-reads-x bob cat d/t/x
same  handed-on 1 "$(nfs4_getfacl d/t | grep -c '^A:fdi*:1002')"
same  a-mode 644 "$(mode d/a)"
case $NFSVERS in
    # With a umask of its own (RFC 8275) the mode takes nothing from who is named.
    4.2) check bob-writes-a bob sh -c 'echo bob >> d/a' ;;
    *) refused bob-writes-a 'permission denied' bob sh -c 'echo bob >> d/a' ;;
esac
# Copies.
check copy-one sh -c 'nfs4_getfacl d/a | nfs4_setfacl -S - f'
forget
same  copied "$(list d/a)" "$(list f)"
check cp-p cp -p d/a g
forget
same  cp-p-mode "$(mode d/a)" "$(mode g)"
check root cat f
summary
