#!/usr/bin/env bash
# Runs the memory, the structures and the ring under Miri: undefined behaviour and weak memory.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly miri --version > /dev/null 2>&1; then
    echo "miri: left out, no nightly toolchain with the component miri (ci/setup.sh test)"
    exit 0
fi

# NFOS_MIRI_SEEDS: schedules and choices of weak memory that tests with threads run under.
seeds=${NFOS_MIRI_SEEDS:-0..4}

# Without isolation, for the environment. Leaks are no concern of a process that ends with a run.
miri() {
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks ${many:-}" \
        cargo +nightly miri test --quiet --target-dir target/miri "$@"
}

# What is left out takes a hundred thousand steps of one thread, or asks for all of the memory.
miri -p nfos-sync -p nfos-stm --lib -- padded:: cell:: reservation::tests::values \
    memory::tests::cells memory::tests::phases history::tests::a_snapshot write_log::tests::a_ \
    log::tests::a_log observe:: standing::
many=-Zmiri-many-seeds=$seeds
miri -p nfos-netio --lib -- ring::
miri -p nfos-state --test oracle -- short_histories
echo "miri: no undefined behaviour; threads under seeds $seeds"
