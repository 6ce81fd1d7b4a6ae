#!/usr/bin/env bash
# Seeds one bug after the other and looks which layer of the evidence finds it; none may survive.
set -euo pipefail
cd "$(dirname "$0")/.."

# With --full also those in the dataplane, which needs the sandbox built once more, and those that
# loom finds as well. The bugs and their numbers are in host/sync/src/seeded.rs. One build serves
# them all: NFOS_MUTANT chooses.
full=${1:-}
folder=target/mutants
mkdir -p "$folder"
export RUST_BACKTRACE=0 NFOS_PATIENCE_S=6

# The cfg is for crates of this workspace only, so that all others are those of the product's build
# and of loom's.
printf '#!/bin/sh\nexec "$@" --cfg nfos_mutant\n' > "$folder/rustc"
chmod +x "$folder/rustc"

# Builds test programs.
build() {
    RUSTC_WORKSPACE_WRAPPER=$PWD/$folder/rustc \
        cargo test --release --quiet --no-run --message-format=json "$@" > "$folder/built"
}

# Where the program $2 of the crate in folder $1 is.
program() {
    local path
    path=$(sed -n "s|.*/$1#.*\"name\":\"$2\".*\"executable\":\"\([^\"]*\)\".*|\1|p" "$folder/built")
    [[ -x $path ]] || { echo "mutants: $2 of $1 was not built" >&2 && return 1; }
    echo "$path"
}

build --workspace --test oracle --test guarantees --test late_begin --test adya
cells=$(program stm oracle)
structures=$(program state oracle)
guarantees=$(program state guarantees)
late_begin=$(program state late_begin)
adya=$(program stm adya)
RUSTFLAGS="--cfg nfos_loom ${RUSTFLAGS:-}" build --target-dir target/loom -p nfos-stm --lib
kernels=$(program stm nfos_stm)
units=
dataplane=
if [[ $full == --full ]]; then
    build -p nfos-stm --lib
    units=$(program stm nfos_stm)
    build -p nfos-dataplane --lib
    dataplane=$(program dataplane nfos_dataplane)
fi

# The kernel that shows bug $1 to loom.
kernel() {
    case $1 in
        1 | 2 | 5) echo of_two_that_read ;;
        3 | 4 | 12) echo a_snapshot_has_all ;;
        8 | 10) echo a_copy ;;
        13 | 14) echo history_that ;;
        18) echo writers_of ;;
        20) echo an_elder ;;
        22) echo a_line_of_history ;;
        56) echo what_lies ;;
    esac
}

# Runs one layer with bug $1.
layer() {
    local bug=$1 name=$2
    case $name in
        cells) set -- "$cells" histories_of_cells ;;
        sleeper) set -- "$cells" a_reader_that_sleeps ;;
        units) set -- "$units" history ;;
        structures) set -- "$structures" many_programs ;;
        guarantees) set -- "$guarantees" ;;
        late_begin) set -- "$late_begin" ;;
        kernel) set -- "$kernels" "kernels::$(kernel "$bug")" ;;
        dataplane) set -- "$dataplane" rollback ;;
    esac
    local out=$folder/$bug.$name wanted=1500000
    ((bug > 0)) || wanted=100000
    NFOS_MUTANT=$bug NFOS_TRANSACTIONS=$wanted timeout 60 "$@" --nocapture > "$out" 2>&1
}

# What killed a bug, in its own words.
words() {
    { grep -A2 -m1 panicked "$1" || grep -m1 "nothing gets done" "$1" || tail -3 "$1"; } \
        | sed -n '/panicked at/d; s/^ *\(left\|right\): *//; /./{p;q}' | cut -c1-90
}

# Bug $1 against the layers behind it, in turn.
hunt() {
    local bug=$1 name
    shift
    for name in "$@"; do
        [[ $name != dataplane || -n $dataplane ]] || continue
        if ! layer "$bug" "$name"; then
            echo "bug $bug: killed by $name: $(words "$folder/$bug.$name")"
            return
        fi
    done
    echo "bug $bug: SURVIVES $*"
}

# The layers find nothing where there is nothing.
for name in cells sleeper ${units:+units} structures guarantees late_begin; do
    layer 0 "$name" && continue
    tail -20 "$folder/0.$name"
    echo "mutants: $name fails without a bug" >&2
    exit 1
done
"$cells" the_original_protocol_is_caught --quiet > /dev/null
"$adya" the_original_protocol_is_caught --quiet > /dev/null
echo "the protocol of the NFOS prototype: failed by cells and adya"

export cells units structures guarantees late_begin kernels dataplane folder
export -f hunt kernel layer words
report=$folder/report
{
    for bug in 1 2 3 4 5 6 8 9 11 12 14 15 16 17 18 19 20 21 33 44 47 48 52 54; do
        echo "$bug cells"
    done
    for bug in 10 13 22 56; do echo "$bug kernel"; done
    echo "22 sleeper"
    for bug in 23 24 25 26 27 35 62; do echo "$bug guarantees structures"; done
    echo "28 guarantees structures"
    for bug in 36 37 38 39 40 41 42 43 45 46 49 50 51 53 55; do echo "$bug structures"; done
    for bug in 60 61; do echo "$bug late_begin"; done
    if [[ -n $dataplane ]]; then
        for bug in 30 31 32; do echo "$bug dataplane"; done
        echo "22 units"
        for bug in 1 2 3 4 5 8 12 14 18 20; do echo "$bug kernel"; done
    fi
} | xargs -P 2 -L 1 bash -c 'hunt "$@"' hunt | sort -V | tee "$report"
total=$(wc -l < "$report")
killed=$(grep -c ': killed by ' "$report" || true)
echo "mutants: $killed of $total killed; on 7 and 29 see docs/evidence/mutants.md"
[[ $killed == "$total" ]]
