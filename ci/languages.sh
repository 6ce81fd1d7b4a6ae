#!/usr/bin/env bash
# Holds the network functions in C, Python and JavaScript to those in Rust, and tries `new`.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
host=$(realpath "$target")/release/nfos-host
out=target/languages
here=()
mkdir -p "$out" target/guests
# What zig compiles of itself is kept.
export ZIG_GLOBAL_CACHE_DIR=$PWD/target/tools/zig-cache
export ZIG_LOCAL_CACHE_DIR=$ZIG_GLOBAL_CACHE_DIR
export XDG_CACHE_HOME=$PWD/$out/cache

left_out() {
    echo "languages: left out $1: $2"
}

# Builds guests/{,test/}*/languages/*.$1 to target/guests/*-$2.wasm, what is not up to date.
build_guests() {
    local source to
    for source in guests/{,test/}*/languages/*."$1"; do
        to=target/guests/$(basename "$source" ".$1")-$2.wasm
        [[ -n $(find "$source" wit "guest-sdk/$2" -newer "$to" 2>&1) ]] || continue
        "guest-sdk/$2/build.sh" "$source" -o "$to" 2>&1
    done
}

# Which languages can be built here, and their guests: Python and JavaScript side by side.
if ! reason=$(guest-sdk/c/build.sh --compiler 2>&1); then
    left_out C "$reason"
else
    here+=(c)
    build_guests c c
fi
jobs=()
if [[ -x target/tools/python/bin/componentize-py ]] || command -v componentize-py > /dev/null; then
    here+=(python)
    build_guests py python &
    jobs+=($!)
else
    left_out Python "componentize-py is not installed"
fi
if [[ -e target/tools/js/node_modules/.bin/componentize-js ]]; then
    here+=(js)
    build_guests js js &
    jobs+=($!)
else
    left_out JavaScript "componentize-js is not installed"
fi
for job in "${jobs[@]}"; do
    wait "$job"
done

echo "languages: the same descriptions, captures and models in Rust ${here[*]}"
NFOS_LANGUAGES="${here[*]}" cargo test --release --quiet --package nfos-dataplane --test languages

# The header views of each SDK do the same to the same frames, and in C they are held to checksums
# taken anew.
cc -Wall -Wextra -Werror -O1 -fsanitize=undefined -o "$out/wire" guest-sdk/c/tests/wire.c
digest=$("$out/wire")
[[ $digest == "$(python3 guest-sdk/python/tests/wire.py)" ]]
! command -v node > /dev/null || [[ $digest == "$(node guest-sdk/js/tests/wire.js)" ]]

# Runs the network function in file $1 for a while, told in file $2; fails unless packets went
# through, and all without a fault.
try() {
    if ! "$host" run --nf "$1" --duration 300ms > "$2" 2>&1 ||
        ! grep -Eq '^= sent +[1-9]' "$2" || grep -q '^faults:' "$2"; then
        cat "$2"
        exit 1
    fi
}

# From an empty folder, three commands for the language $1: new, build, run.
try_project() {
    local name=my-$1 log=$out/new/$1.txt
    (cd "$out/new" && "$host" new "$name" --lang "$1") > "$log"
    "$out/new/$name/build.sh" > "$log" 2>&1 || { cat "$log"; exit 1; }
    try "$out/new/$name/$name.wasm" "$log"
    # Its last words, once per port.
    if [[ $(grep -Ec 'port [01]: [0-9]+ packets, [0-9]+ bytes' "$log") != 2 ]]; then
        cat "$log"
        exit 1
    fi
}

# C++, and Zig where it is installed, on the SDK for C.
try_examples() {
    guest-sdk/c/build.sh guest-sdk/c/examples/flows.cpp -o "$out/flows.wasm" -std=c++20
    try "$out/flows.wasm" "$out/flows.txt"
    if [[ -d target/tools/zig ]] || command -v zig > /dev/null; then
        guest-sdk/c/build.sh guest-sdk/c/examples/wire.zig -o "$out/wire.wasm"
        try "$out/wire.wasm" "$out/wire.txt"
    else
        left_out Zig "it is not installed"
    fi
}

rm -rf "$out/new"
mkdir -p "$out/new"
jobs=()
for language in rust "${here[@]}"; do
    try_project "$language" &
    jobs+=($!)
done
if [[ ${here[*]} == *c* ]]; then
    try_examples &
    jobs+=($!)
fi
for job in "${jobs[@]}"; do
    wait "$job"
done
echo "languages: Rust ${here[*]} agree, and projects of each are made, built and run"
