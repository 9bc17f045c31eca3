# Client B of two: A holds a delegation and is silent (see silent-a.sh).
. /job/lib.sh
check a-silent await silent-a 60
W=$MNT/${SUB:-.}/silent; cd "$W" || exit 1
since() { echo $(( ($(date +%s%N) - $1) / 1000000 )); }
# A client that is not in conflict must not notice. (In the folder of f this kernel itself
# lets nobody create a file while it waits for the open.)
( most=0
  while [ ! -e /tmp/done ]; do
      t=$(date +%s%N); echo x > others/o; ms=$(since "$t"); [ "$ms" -gt "$most" ] && most=$ms
      sleep 0.5
  done
  echo "$most" > /tmp/most ) &
t=$(date +%s%N)
check write-conflict within 140 sh -c 'echo second > f'
ms=$(since "$t")
touch /tmp/done; wait
most=$(cat /tmp/most)
echo "info the conflict took $ms ms, the slowest of the others $most ms"
# A lease of 20 s from A's last word, and Linux asks again every 15 s at the latest.
check after-the-lease test "$ms" -gt 5000
check in-time test "$ms" -lt $((60000 * PACE))
check nobody-else-waits test "$most" -lt $((5000 * PACE))
check signal-a signal silent-b
KEEPDIR=1 summary
