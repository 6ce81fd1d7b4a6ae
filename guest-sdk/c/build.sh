#!/usr/bin/env bash
# Builds a network function of C, C++ or Zig: build.sh SOURCE… -o OUT.wasm [compiler option]….
set -euo pipefail

# With --compiler alone it says which compiler it takes.

sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$sdk/../../target/tools

only_compiler=
out=
sources=()
options=()
while (($# > 0)); do
    case $1 in
        --compiler) only_compiler=1 ;;
        -o) out=${2:?"-o wants a file"}; shift ;;
        *.c | *.cc | *.cpp | *.cxx | *.zig) sources+=("$1") ;;
        *) options+=("$1") ;;
    esac
    shift
done
if [[ -z $only_compiler ]] && { [[ -z $out ]] || ((${#sources[@]} == 0)); }; then
    echo "usage: $0 SOURCE… -o OUT.wasm [option of the compiler]…" >&2
    exit 2
fi

# The compiler, as an array: NFOS_CC, clang-19 with its linker, another clang that has one for
# WebAssembly, or zig, which is clang with everything it needs.
compiler() {
    local clang
    if [[ -n ${NFOS_CC:-} ]]; then
        read -r -a cc <<< "$NFOS_CC"
        return
    fi
    for clang in clang-19 clang clang-{22,21,20,18,17,16}; do
        if command -v "$clang" > /dev/null && "$clang" -print-targets | grep -q wasm32 &&
            command -v "wasm-ld${clang#clang}" > /dev/null; then
            cc=("$clang")
            return
        fi
    done
    zig
    if ((${#zig[@]} > 0)); then
        cc=("${zig[@]}" cc)
    else
        echo "$0: no compiler for WebAssembly; install clang-19 and lld-19, or the Python" \
            "package ziglang, or name one in NFOS_CC" >&2
        exit 1
    fi
}

# Zig, as an array that is empty where there is none.
zig() {
    zig=()
    if [[ -f $tools/zig/ziglang/__main__.py ]]; then
        export PYTHONPATH=$tools/zig${PYTHONPATH:+:$PYTHONPATH}
        zig=(python3 -m ziglang)
    elif command -v zig > /dev/null; then
        zig=(zig)
    elif python3 -c 'import ziglang' 2> /dev/null; then
        zig=(python3 -m ziglang)
    fi
}

# Makes of a Zig source an object; the C headers are its module `nfos`.
compile_zig() {
    local freestanding=(-target wasm32-freestanding)
    zig
    if ((${#zig[@]} == 0)); then
        echo "$0: zig is not there; install the Python package ziglang" >&2
        exit 1
    fi
    "${zig[@]}" translate-c "$sdk/include/nfos.h" "${freestanding[@]}" -I "$sdk/include" \
        -I "$sdk/include/libc" > "$objects/nfos.zig"
    "${zig[@]}" build-obj -femit-bin="$2" \
        "${freestanding[@]}" -O ReleaseFast --dep nfos -Mroot="$1" \
        "${freestanding[@]}" -O ReleaseFast -Mnfos="$objects/nfos.zig"
}

cc=()
compiler
if [[ -n $only_compiler ]]; then
    echo "${cc[*]}"
    exit
fi
target=wasm32-unknown-unknown
# Zig has another name for it, and checks at run time that nothing here would print.
[[ ${cc[*]} != *zig* ]] || target=wasm32-freestanding

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

# Bulk memory, because a copy then is an instruction; lines for traps and the profiler.
common=(--target="$target" -O2 -flto -mbulk-memory -gline-tables-only -fno-sanitize=all
    -nostdlib -isystem "$sdk/include/libc" -I "$sdk/include")
# Lines in debug information are named from here, and those of the SDK by its own folder.
common+=(-ffile-prefix-map="$PWD=." -ffile-prefix-map="$sdk=guest-sdk/c")
library=(-std=gnu17 -ffreestanding -Wall -Wextra)
author=(-Wall -Wextra)

compile() {
    "${cc[@]}" "${common[@]}" "$@"
}

for source in arena burst describe format libc structures wide; do
    compile "${library[@]}" -c "$sdk/src/$source.c" -o "$objects/nfos_$source.o"
done
for source in nf nf_component_type; do
    compile "${library[@]}" -c "$sdk/generated/$source.c" -o "$objects/nfos_$source.o"
done
number=0
for source in "${sources[@]}"; do
    language=()
    object=$objects/author_$((number++)).o
    if [[ $source == *.zig ]]; then
        compile_zig "$source" "$object"
        continue
    fi
    [[ $source == *.c ]] || language=(-fno-exceptions -fno-rtti -fno-threadsafe-statics
        -Wno-missing-designated-field-initializers -Wno-missing-field-initializers)
    compile "${author[@]}" "${language[@]}" "${options[@]}" -c "$source" \
        -o "$object"
done
# The stack comes first in memory, so that one that overflows traps; with zig it always does.
placing=-Wl,--stack-first
[[ ${cc[*]} != *zig* ]] || placing=-Wl,--gc-sections
compile "$objects"/*.o -o "$out" -Wl,--no-entry "$placing" -Wl,-z,stack-size=65536 \
    -Wl,--export=nfos_progress -Wl,--export=nfos_room
echo "$out: $(wc -c < "$out") bytes"
