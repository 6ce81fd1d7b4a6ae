#!/usr/bin/env bash
# Builds every network function of guests/ to target/guests/, as components if the host is built.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
echo "guests: building every network function of guests/ to target/guests/"

target=${CARGO_TARGET_DIR:-target}
host=$target/release/nfos-host
built=$target/wasm32-unknown-unknown/guest
profile=(--quiet --profile guest --target wasm32-unknown-unknown)

# Lines in debug information are named from here, wherever this is. The flags are told apart by
# unit separators.
printf -v CARGO_ENCODED_RUSTFLAGS '%s\x1f%s' "--remap-path-prefix=$PWD=." \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
export CARGO_ENCODED_RUSTFLAGS

# Puts what was built of the package $1 at $2, unless what is there is newer.
install_guest() {
    local from=$built/${1//-/_}.wasm to=$2
    [[ $to -nt $from && (! -x $host || $to -nt $host) ]] && return
    if [[ -x $host ]] && makes_component "$1"; then
        "$host" component "$from" "$to"
    else
        cp "$from" "$to"
    fi
}

# Of some misbehaving guests no component can be made, on purpose.
makes_component() {
    [[ $1 != core-module-without-world && $1 != imports-unknown ]]
}

mkdir -p target/guests/test

# A network function is a library of its tests as well, and such a crate is linked without
# link-time optimization unless its type is given here: 1.5 MB of guest instead of 0.1.
for manifest in guests/*/Cargo.toml; do
    name=$(basename "${manifest%/Cargo.toml}")
    cargo rustc "${profile[@]}" --package "$name" --lib --crate-type cdylib
    install_guest "$name" "target/guests/$name.wasm"
done

names=()
for manifest in guests/test/*/Cargo.toml; do
    [[ $(<"$manifest") != *cdylib* ]] || names+=("$(basename "${manifest%/Cargo.toml}")")
done
cargo build "${profile[@]}" "${names[@]/#/--package=}"
for name in "${names[@]}"; do
    install_guest "$name" "target/guests/test/$name.wasm"
done

# The same network functions in C, where there is a compiler for it. Those in Python and JavaScript
# take longer to build: ci/languages.sh.
if guest-sdk/c/build.sh --compiler > target/guests/compiler.txt 2>&1; then
    for source in guests/{,test/}*/languages/*.c; do
        to=target/guests/$(basename "$source" .c)-c.wasm
        [[ -n $(find "$source" guest-sdk/c -newer "$to" 2>&1) ]] || continue
        guest-sdk/c/build.sh "$source" -o "$to"
    done
else
    echo "guests: left out those in C: $(< target/guests/compiler.txt)"
fi

[[ -f target/guests/test/not-wasm.wasm ]] ||
    echo "This is a text, whatever its name says." > target/guests/test/not-wasm.wasm
