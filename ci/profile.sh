#!/usr/bin/env bash
# Records a profile of a run whose workers meet, follows its recipe, and looks at its page.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
out=target/profile
mkdir -p "$out"

# With the features of the whole workspace, so that the sandbox is not built anew.
cargo build --release --quiet --workspace --bin nfos-host --bin nfos-profile --bin nfos-traffic
ci/guests.sh > "$out/guests.txt"
"$target/release/nfos-traffic" antiddos --out "$out" --packets 200000 > "$out/traffic.txt"

# Records a run of anti-ddos at the staleness $1 to $out/$2.json.
record() {
    "$target/release/nfos-host" run --nf target/guests/anti-ddos.wasm --cores 8 --log off \
        --set "staleness_us=$1" --profile "$out/$2.json" \
        --port "pcap:rx=$out/antiddos.pcap" --port "pcap:tx=$out/sent.pcap" \
        > "$out/$2.run.txt" 2>&1 || { cat "$out/$2.run.txt"; exit 1; }
    "$target/release/nfos-profile" report "$out/$2.json" > "$out/$2.txt"
}

# Whether workers meet depends on how the machine shares its cores.
for ((tries = 0; tries < 20; tries++)); do
    record 0 before
    grep -q '^1\. .*: D1 on counters' "$out/before.txt" && break
done
say_no() {
    cat "$out/before.txt"
    echo "profile: $*" >&2
    exit 1
}
grep -q '^1\. .*: D1 on counters' "$out/before.txt" || say_no "the workers never met"
grep -q 'let counters = self.counters.read();' "$out/before.txt" || say_no "the line is missing"
staleness=$(sed -n 's/^   try  *--set staleness_us=\([0-9]*\)$/\1/p' "$out/before.txt")
[[ -n $staleness ]] || say_no "no value to try"
record "$staleness" after
"$target/release/nfos-profile" diff "$out/before.json" "$out/after.json" > "$out/diff.txt"
grep -q "staleness_us: 0 → $staleness" "$out/diff.txt" || { cat "$out/diff.txt"; exit 1; }
"$target/release/nfos-profile" report "$out/before.json" --html "$out/before.html"

if ! command -v chromium > /dev/null; then
    echo "profile: the report names cause, line and recipe; for want of chromium its page is" \
        "not looked at"
    exit 0
fi
for width in 1280 400; do
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$out/chromium" \
        --enable-logging=stderr --window-size="$width,2400" --dump-dom \
        "file://$PWD/$out/before.html" > "$out/page.html" 2> "$out/chromium.txt" ||
        { cat "$out/chromium.txt"; exit 1; }
    if grep -q CONSOLE "$out/chromium.txt"; then
        grep CONSOLE "$out/chromium.txt"
        exit 1
    fi
    grep -q 'let counters = self.counters.read();' "$out/page.html"
    grep -q 'What to do:' "$out/page.html"
    grep -q '</svg>' "$out/page.html"
done
echo "profile: cause, line and recipe are named, by the page in a browser too; see $out/before.html"
