#!/usr/bin/env bash
# Checks what no compiler sees: sizes, names, links, claims. The rules are in ci/tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

# A finding is a line; where in the checker it was found helps nobody.
RUST_BACKTRACE=0 cargo test --release --quiet --package nfos-tidy
