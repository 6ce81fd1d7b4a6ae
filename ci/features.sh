#!/usr/bin/env bash
# Checks that cargo compiles the sandbox once, whichever members of the workspace it builds.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is below the sandbox must have the same features for every selection of members: each other
# one costs minutes. See host/engine/Cargo.toml.

# Packages and features of what the rest of the arguments select.
selected() {
    cargo tree --locked --prefix none --format '{p}|{f}' "$@" |
        sed 's/ (\*)$//; s/ (proc-macro)//' | grep -v ' (/' | sort -u
}

one=$(selected --package nfos-engine --edges normal,build)
names=$(cut -d '|' -f 1 <<< "$one" | sort -u)
for selection in "--package nfos-host --edges normal,build" "--workspace --edges normal,build" \
    "--workspace --edges normal,build,dev"; do
    read -r -a words <<< "$selection"
    differ=$(comm -13 <(echo "$one") <(selected "${words[@]}") |
        awk -F '|' 'NR == FNR { below[$1]; next } $1 in below' <(echo "$names") -)
    if [[ -n $differ ]]; then
        echo "features: with $selection these differ; name them in host/engine/Cargo.toml:" >&2
        echo "$differ" >&2
        exit 1
    fi
done
echo "features: what is below the sandbox is the same for every selection of members"
