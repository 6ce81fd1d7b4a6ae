#!/usr/bin/env bash
# Checks what no compiler sees: sizes, names, links, claims. The rules are in ci/tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --release --quiet --package nfos-tidy
