#!/usr/bin/env bash
# Builds every network function of guests/ to target/guests/, as components if the host is built.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
echo "guests: building every network function of guests/ to target/guests/"

target=${CARGO_TARGET_DIR:-target}
host=$target/release/nfos-host
built=$target/wasm32-unknown-unknown/guest

# Puts the guest of the package $1 at $2, unless what is there is newer.
install_guest() {
    local from=$built/${1//-/_}.wasm to=$2
    [[ $to -nt $from && ( ! -x $host || $to -nt $host ) ]] && return
    if [[ ! -x $host ]] || is_no_component "$1"; then
        cp "$from" "$to"
    else
        "$host" component "$from" "$to"
    fi
}

# Guests of which no component can be made, on purpose.
is_no_component() {
    [[ $1 == core-module-without-world || $1 == imports-unknown ]]
}

packages=()
for manifest in guests/*/Cargo.toml guests/test/*/Cargo.toml; do
    folder=${manifest%/Cargo.toml}
    [[ $(<"$manifest") == *cdylib* ]] && packages+=(-p "${folder##*/}")
done
cargo build --quiet --profile guest --target wasm32-unknown-unknown "${packages[@]}"

mkdir -p target/guests/test
for folder in guests/*/ guests/test/*/; do
    folder=${folder%/}
    name=${folder##*/}
    [[ -f $folder/Cargo.toml && $(<"$folder/Cargo.toml") == *cdylib* ]] || continue
    case $folder in
        guests/test/*) install_guest "$name" "target/guests/test/$name.wasm" ;;
        *) install_guest "$name" "target/guests/$name.wasm" ;;
    esac
done
[[ -f target/guests/test/not-wasm.wasm ]] ||
    echo "This is a text, whatever its name says." > target/guests/test/not-wasm.wasm
