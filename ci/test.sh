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
step models
step loom
step shuttle
step miri
step tsan
