# Client A of two: a folder's listing is its own to keep until B changes it.
. /job/lib.sh
# Attributes that are kept for a second only: what is known longer is delegated.
Q=/tmp/quick
check mounted nfsmount -t $Q actimeo=1
W=$Q/${SUB:-.}/dirdeleg; rm -rf "$W"; mkdir -p "$W"; cd "$W" || exit 1
touch first
ls > /dev/null; sleep 2; ls > /dev/null       # the client asks as it looks again
calls=$(Q=$Q python3 -c 'import os, time
def sent():
    of = open("/proc/self/mountstats").read().split("mounted on " + os.environ["Q"] + " ")[1]
    of = of.split("per-op statistics")[1].split("\ndevice ")[0].split("\n")
    return sum(int(line.split()[1]) for line in of if ":" in line)
before, end = sent(), time.monotonic() + 4
while time.monotonic() < end: assert os.listdir() == ["first"]
print(sent() - before)')
echo "info four seconds of listings sent $calls calls"
same  lists-without-a-call 0 "$calls"
r0=$(nfsop DELEGRETURN $Q)
# By the server's clock: the guests' differ. A's own entry comes after it has seen B's.
ms=$(within 60 python3 -c 'import os, subprocess
subprocess.Popen(["signal", "a-lists"])
while "second" not in os.listdir(): pass
os.close(os.open("own", os.O_CREAT | os.O_WRONLY))
print(int((os.stat("own").st_mtime - os.stat("second").st_mtime) * 1000))')
echo "info seen, and answered, $ms ms after B's entry was made"
check seen-in-200-ms test "${ms:-999999}" -lt $((200 * PACE))
check returned test "$(nfsop DELEGRETURN $Q)" -gt "$r0"
same  all "first own second" "$(ls | xargs)"
check b-finished await b-finished 60
cd /; umount $Q
summary
