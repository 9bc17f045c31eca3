# A tree of some 10,000 real files is copied in, compared, moved and removed;
# git and make work on the mount. Wants --put tree.tar and --with git,make,tcc,...
. /job/lib.sh
fresh
mkdir /tmp/src && tar -x -C /tmp/src -f /job/files/tree.tar && rm /job/files/tree.tar || exit 1
count() { find "$1" -type f | wc -l; }
sums()  { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
forget() { echo 3 > /proc/sys/vm/drop_caches; }

FILES=$(count /tmp/src)
same  many-files yes "$([ "$FILES" -ge 9000 ] && echo yes || echo "only $FILES")"
t=$SECONDS
check copy-in cp -a /tmp/src tree
echo "info copied $FILES files in $((SECONDS - t)) s"
sync; forget
same  all-there "$FILES" "$(count tree)"
check diff diff -r --no-dereference /tmp/src tree
forget
sums /tmp/src > /tmp/want.sums
sums tree > /tmp/got.sums
check checksums cmp /tmp/want.sums /tmp/got.sums
# A folder's size is the file system's own affair.
facts() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%m %Ts %p\n' -o -printf '%m %s %Ts %l %p\n' \) | sort); }
facts /tmp/src > /tmp/want.facts
facts tree > /tmp/got.facts
check modes-sizes-times diff /tmp/want.facts /tmp/got.facts
mkdir elsewhere
check move mv tree elsewhere/moved
refused moved-away 'No such file' ls tree
same  moved-whole "$FILES" "$(count elsewhere/moved)"

# git: a repository of some hundred of them
cp -a "$(find elsewhere/moved -type d -path '*/include/net' | head -n 1)" repo
cd repo || exit 1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
check git-init git init -q -b main
check git-add git add .
check git-commit git commit -q -m first
check git-fsck git fsck --strict
forget
same  git-clean "" "$(git status --porcelain)"
echo changed >> tcp.h
same  git-sees-change " M tcp.h" "$(git status --porcelain)"
check git-second sh -c 'git commit -q -a -m second && git checkout -q HEAD~1 && ! grep -q ^changed tcp.h'
check git-gc git gc -q
check git-fsck-packed git fsck --strict
cd ..

# make: a library and a program of several files
mkdir project && cd project || exit 1
cat > Makefile <<'M'
CC = tcc
OBJECTS = $(patsubst %.c,%.o,$(wildcard part*.c))
program: main.o libparts.a
	$(CC) -o $@ main.o libparts.a
libparts.a: $(OBJECTS)
	$(CC) -ar rcs $@ $(OBJECTS)
%.o: %.c parts.h
	$(CC) -c -o $@ $<
M
echo '#define BASE 1' > parts.h
for i in $(seq 20); do
    echo "int part$i(void);" >> parts.h
    printf '#include "parts.h"\nint part%d(void) { return BASE * %d; }\n' $i $i > part$i.c
done
{
    printf '#include <stdio.h>\n#include "parts.h"\nint main(void) { printf("%%d\\n", 0'
    printf '+part%d()' $(seq 20)
    printf '); return 0; }\n'
} > main.c
check make make -s -j2
same  program-runs 210 "$(./program)"
check make-nothing-to-do make -q
sleep 2; sed -i 's/BASE 1/BASE 2/' parts.h
# (make may also warn that the server's clock is ahead of the guest's)
check make-sees-change sh -c '! make -q'
check make-again make -s
same  program-rebuilt 420 "$(./program)"
cd ..

t=$SECONDS
check remove rm -rf elsewhere
echo "info removed them in $((SECONDS - t)) s"
refused removed 'No such file' ls elsewhere
summary
