#!/usr/bin/env bash
# Builds a network function of JavaScript: build.sh SOURCE.js -o OUT.wasm.
set -euo pipefail

# Modules that the source imports go in. Needs componentize-js, in target/tools or in NFOS_JS_TOOLS,
# and the bundler that comes with it.
sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${NFOS_JS_TOOLS:-$sdk/../../target/tools/js}/node_modules

source=
out=
while (($# > 0)); do
    case $1 in
        -o) out=${2:?"-o wants a file"}; shift ;;
        *) source=$1 ;;
    esac
    shift
done
if [[ $source != *.js || -z $out ]]; then
    echo "usage: $0 SOURCE.js -o OUT.wasm" >&2
    exit 2
fi
if [[ ! -e $tools/.bin/componentize-js ]]; then
    echo "$0: componentize-js is not there; install @bytecodealliance/componentize-js@0.23.0 and" \
        "name the folder of node_modules in NFOS_JS_TOOLS" >&2
    exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
input=$(realpath "$source")
cat > "$folder/rolldown.config.mjs" << END
export default {
  input: "$input",
  external: /^nfos:/,
  resolve: { alias: { nfos: "$sdk/nfos/index.js" } },
  output: { file: "$folder/bundle.js", format: "esm" },
};
END
# Nothing of WASI: a network function has no files, sockets or environment.
if ! "$tools/.bin/rolldown" --config "$folder/rolldown.config.mjs" > "$folder/log.txt" 2>&1 ||
    ! "$tools/.bin/componentize-js" "$folder/bundle.js" --wit "$sdk/../../wit" -n nf \
        -d stdio -d random -d clocks -d http -d fetch-event -o "$out" > "$folder/log.txt" 2>&1; then
    cat "$folder/log.txt" >&2
    exit 1
fi
echo "$out: $(wc -c < "$out") bytes"
