#!/usr/bin/env bash
# Runs every check, each a script of its own: the quick ones first, the tests last.
set -euo pipefail
cd "$(dirname "$0")/.."

# Runs one check under a heading with the seconds since the start.
step() {
    echo
    echo "── $* (at $SECONDS s)"
    "ci/$1.sh" "${@:2}"
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
