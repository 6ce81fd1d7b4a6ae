#!/usr/bin/env bash
# Runs every test of the workspace; guests must be there, see guests.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --release --workspace
