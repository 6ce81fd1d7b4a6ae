#!/usr/bin/env bash
# Runs shellcheck over every script.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v shellcheck > /dev/null; then
    shellcheck ci/*.sh guest-sdk/*/*.sh .ci/run
else
    echo "scripts: left out, shellcheck is not installed"
fi
