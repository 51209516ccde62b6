#!/bin/sh
# The two halves of Holdfast in about ten seconds: a real workflow to a real report, then a
# workflow whose tasks misbehave. Writes to the folder `build` only. Exits 0 if all is as it should be.
set -eu

examples=$(cd "$(dirname "$0")" && pwd)
build=$(dirname "$examples")/build
store=$build/demo/store
report=$build/stdlib-audit
marker=unruly-daemon-$$

if ! command -v holdfast >/dev/null; then
    echo "demo: no \`holdfast\` on the PATH; run \`make demo\`, which makes its environment first" >&2
    exit 127
fi
mkdir -p "$build/demo"

say() { printf '\n== %s\n' "$*"; }

say "1. The source of Python's standard library, measured: one task per package, each in its own process"
holdfast run "$examples/stdlib-audit/workflow.yaml" --set out="$report" --store "$store" --fresh

say "2. Tasks that hang, eat memory, leave a daemon, crash and raise, beside one that behaves"
status=0
holdfast run "$examples/unruly/workflow.yaml" --set marker="$marker" --store "$store" --fresh --json \
    >"$build/demo/unruly.json" || status=$?

say "Was each stopped and named for what it did, and is nothing left of them?"
"${PYTHON:-python3}" "$examples/unruly/check.py" --marker "$marker" <"$build/demo/unruly.json"
if [ "$status" -ne 1 ]; then
    echo "demo: holdfast exited with $status; 1 was expected, for tasks failed" >&2
    exit 1
fi
echo "holdfast exited with 1, since tasks failed: here that is the expected end."

say "Done. Open the report in a browser:"
test -s "$report/index.html"
echo "$report/index.html"
