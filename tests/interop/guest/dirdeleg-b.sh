# Client B of two: makes an entry in the folder that A lists (see dirdeleg-a.sh).
. /job/lib.sh
check a-lists await a-lists 90
cd "$MNT/${SUB:-.}/dirdeleg" || exit 1
t=$(date +%s%N)
check create within 40 touch second
ms=$(( ($(date +%s%N) - t) / 1000000 ))
echo "info the create took $ms ms, A's return with it"
check in-time test "$ms" -lt $((5000 * PACE))
signal b-finished
KEEPDIR=1 summary
