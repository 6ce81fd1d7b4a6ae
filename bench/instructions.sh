#!/usr/bin/env bash
# Counts the instructions of an event for lines of the bench `transactions`, or for the usual ones.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind > /dev/null; then
    echo "instructions: valgrind is missing; install it from the distribution" >&2
    exit 1
fi

lines=("$@")
if ((${#lines[@]} == 0)); then
    lines=(nothing read "blind write" "read and write" add
        "map get, present" "map get, absent" "map set, present"
        "allocate and free" refresh "distributed update" "distributed read, stale"
        "read and write, bursts of 1" "read and write, bursts of 8")
fi

bench=$(cargo build --release -p nfos-bench-transactions --bench transactions \
    --message-format json 2> /dev/null |
    sed -n 's/.*"executable":"\([^"]*\/transactions-[^"]*\)".*/\1/p')

# Instructions of a line that runs so often, start included.
count() {
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        "$bench" --count "$1" "$2" 2>&1 | sed -n 's/,//g; s/.*I *refs: *//p'
}

for line in "${lines[@]}"; do
    few=$(count "$line" 50)
    many=$(count "$line" 150)
    # A run is 1,024 events.
    printf '%-34s %6d\n' "$line" $(((many - few) / 102400))
done
