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

# Runs one check and says all at once what it said, under such a heading, when it has ended.
aside() {
    local from=$((EPOCHSECONDS - begun)) said status=0
    said=$(mktemp)
    timeout 30m "ci/$1.sh" > "$said" 2>&1 || status=$?
    {
        echo
        echo "── $1 (at $from s, to $((EPOCHSECONDS - begun)) s)"
        cat "$said"
    } | flock target cat
    rm "$said"
    return "$status"
}

# Runs checks two at a time: each has a build folder of its own, and neither its build nor its run
# keeps two cores busy throughout.
two_at_a_time() {
    export begun=$((EPOCHSECONDS - SECONDS))
    export -f aside
    printf '%s\n' "$@" | xargs -P 2 -L 1 bash -c 'aside "$@"' aside
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
