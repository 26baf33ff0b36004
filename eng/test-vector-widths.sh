#!/usr/bin/env bash
# Runs the engine's tests on the CPU and the memory planner's once more at every vector width below the machine's own, by the runtime's
# switches: AVX-512 off, AVX2 off, no vector unit. Needs what 'dotnet build' makes. A test (VectorWidthTests) fails where a switch did not
# do what is expected of it, so a width is never tested twice in silence. Ends with "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."

tests() { echo "artifacts/bin/$1/debug/$1"; }

own=$(artifacts/bin/Lapidary.Cli/debug/lapidary doctor | grep -oE '[0-9]+-bit vectors|no vector unit' | head -n 1)
[ -n "$own" ] || { echo "lapidary doctor does not tell the vector width: run 'dotnet build' first." >&2; exit 1; }
echo "This machine: $own"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 status=0
count() { grep -E "^ *$1: [0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+' | head -n 1; }

# Runs one test program, and adds its counts. A program that ends without counts, or in any way but well, fails the whole.
run() {
    "$@" --progress off --no-ansi >"$log" 2>&1
    local code=$? ran
    ran=$(count succeeded)
    if [ "$code" -ne 0 ] || [ -z "$ran" ]; then
        status=1
        cat "$log"
    fi
    local bad lost
    bad=$(count failed) lost=$(count skipped)
    passed=$((passed + ${ran:-0})) failed=$((failed + ${bad:-1})) skipped=$((skipped + ${lost:-0}))
}

# Runs the tests at one width, if it is below the machine's own, but for those of the planner that are named by a pattern.
at_width() {
    local bits=$1 switch=$2 but=${3:-'*"cuda"*'} before=$passed begin=$SECONDS
    [ "$bits" -lt "${own%%[!0-9]*}" ] || return 0
    export LAPIDARY_EXPECT_VECTOR_BITS=$bits "${switch?}"
    # Not the ranks under mpirun: what they add up is tested by itself.
    run "$(tests Lapidary.Engine.Tests)" --filter-not-namespace '*.Cuda' --filter-not-class '*.MpiCommunicatorTests'
    run "$(tests Lapidary.Training.Tests)" --filter-class '*.MemoryPlannerTests' --filter-not-display-name '*"cuda"*' "$but" \
        --filter-not-method '*.Plan_ThatKeepsDecodedWeights_IsWhatARunMeasures'
    unset LAPIDARY_EXPECT_VECTOR_BITS "${switch%%=*}"
    echo "$bits-bit vectors ($switch): $((passed - before)) passed, $((SECONDS - begin)) s"
}

# Without a vector unit the memory is that of 128 bits, and the largest of the planner's runs would take minutes.
if [ "$own" != "no vector unit" ]; then
    at_width 256 DOTNET_EnableAVX512=0
    at_width 128 DOTNET_EnableAVX2=0
    at_width 0 DOTNET_EnableHWIntrinsic=0 '*packing: True*'
fi

echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
