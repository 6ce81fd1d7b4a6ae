#!/usr/bin/env bash
# Runs the oracle on real threads under ThreadSanitizer: data races in what is no atomic.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
src=$(rustc +nightly --print sysroot 2> /dev/null || true)/lib/rustlib/src/rust/library
if [[ ! -d $src ]]; then
    echo "tsan: left out, no nightly toolchain with the component rust-src (ci/setup.sh test)"
    exit 0
fi

RUSTFLAGS="-Zsanitizer=thread ${RUSTFLAGS:-}" \
    cargo +nightly test --release --quiet -Zbuild-std --target "$host" --target-dir target/tsan \
    -p nfos-state --test oracle -- short_histories
echo "tsan: no data race"
