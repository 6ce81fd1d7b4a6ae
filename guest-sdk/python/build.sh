#!/usr/bin/env bash
# Builds a network function of Python: build.sh SOURCE.py -o OUT.wasm.
set -euo pipefail

# Modules beside the source belong to it. Needs componentize-py, in the path or in target/tools.
sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$sdk/../../target/tools/python

source=
out=
while (($# > 0)); do
    case $1 in
        -o) out=${2:?"-o wants a file"}; shift ;;
        *) source=$1 ;;
    esac
    shift
done
if [[ $source != *.py || -z $out ]]; then
    echo "usage: $0 SOURCE.py -o OUT.wasm" >&2
    exit 2
fi
module=$(basename "$source" .py)

if [[ -x $tools/bin/componentize-py ]]; then
    PATH=$tools/bin:$PATH
    export PYTHONPATH=$tools${PYTHONPATH:+:$PYTHONPATH}
elif ! command -v componentize-py > /dev/null; then
    echo "$0: componentize-py is not there; install the Python package componentize-py==0.25.1" >&2
    exit 1
fi

# The component's entry: the SDK's handlers, and the author's module, which exports its class.
entry=$(mktemp -d)
trap 'rm -rf "$entry"' EXIT
printf 'from nfos.burst import Handlers\nimport %s\n' "$module" > "$entry/nfos_entry.py"

componentize-py --quiet -d "$sdk/../../wit" -w nf componentize --stub-wasi \
    -p "$entry" -p "$(dirname "$source")" -p "$sdk" nfos_entry -o "$out"
echo "$out: $(wc -c < "$out") bytes"
