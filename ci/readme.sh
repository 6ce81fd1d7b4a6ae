#!/usr/bin/env bash
# Builds the network function of README.md and runs it as README.md says; needs the host.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
folder=target/readme
section="## A network function of your own"

# The block in language $1 of the section.
block() {
    awk -v section="$section" -v fence="\`\`\`$1" '
        /^## / { within = ($0 == section) }
        within && $0 == fence { printing = 1; next }
        printing && /^```$/ { exit }
        printing { print }
    ' "$root/README.md"
}

# Fails unless the summary in file $1 counts packets, and each once.
accounted() {
    awk '
        function number(text) { gsub(",", "", text); return text + 0 }
        $1 == "received" { received = number($2) }
        $1 == "=" && $2 == "sent" { sent = number($3) }
        $1 == "+" && $2 == "consumed" { consumed = number($3) }
        $1 == "+" && $2 == "dropped" {
            runs++
            if (received == 0 || received != sent + consumed + number($3)) wrong = 1
        }
        END { exit !(runs == 2 && !wrong) }
    ' "$1"
}

# Where README.md has the author stand: beside the checkout, in the folder of the function.
mkdir -p $folder/quota/src
ln -sfn "$root" $folder/nfos
cd $folder/quota
block toml > Cargo.toml
block rust > src/lib.rs
block sh > commands.sh
# Same dependencies as here, so that nothing new is fetched.
[[ -f Cargo.lock ]] || cp "$root/Cargo.lock" .

unset CARGO_TARGET_DIR
if ! bash -euo pipefail commands.sh > out.txt 2>&1; then
    cat out.txt
    exit 1
fi
if ! accounted out.txt || ! grep -q "quota_used_up (network function)" out.txt; then
    cat out.txt
    echo "readme: two summaries that add up, one with a used-up quota, were expected" >&2
    exit 1
fi
echo "readme: the network function of README.md is built, checked and run"
