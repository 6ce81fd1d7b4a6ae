#!/usr/bin/env bash
# Runs every check, each a script of its own: the quick ones first, the tests last.
set -euo pipefail
cd "$(dirname "$0")/.."

# Runs one check under a heading with the seconds since the start; none takes half an hour.
step() {
    echo
    echo "── $* (at $SECONDS s)"
    timeout --foreground 30m "ci/$1.sh" "${@:2}" || {
        echo "── $* failed with status $? (124: it did not end) at $SECONDS s" >&2
        return 1
    }
}

# Runs checks two at a time: each has a build folder of its own, and neither its build nor its run
# keeps two cores busy throughout. What a check says comes under its heading when it has ended.
two_at_a_time() {
    printf '%s\n' "$@" | begun=$((EPOCHSECONDS - SECONDS)) xargs -P 2 -I{} bash -c '
        from=$((EPOCHSECONDS - begun)) said=$(mktemp) status=0
        ci/{}.sh > "$said" 2>&1 || status=$?
        { echo; echo "── {} (at $from s, to $((EPOCHSECONDS - begun)) s)"; cat "$said"; } \
            | flock target cat
        rm "$said"
        exit $status'
}

step setup test
step fmt
step scripts
step deny
step features
step tidy
step lint
step doc
step demo
step demo
step readme
step dpdk
step checksums
step suite
step counts
step languages
step lines
step oracle
step adya
step mutants
step soak
step profile
two_at_a_time miri shuttle models tsan loom
