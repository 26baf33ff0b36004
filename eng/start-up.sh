#!/usr/bin/env bash
# How long the tool takes to start: CPU time (user and system) in milliseconds, the least of some runs.
#   eng/start-up.sh [LAPIDARY_DLL] [TOKENIZER_FOLDER]
# The tokenizer's folder holds a tokenizer.json of Gemma's size; RUNS says how often each command runs.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=${1:-artifacts/bin/Lapidary.Cli/release/lapidary.dll}
tokenizer=${2:-}
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
export LAPIDARY_CACHE=$cache

# The least CPU time of a command.
least() {
    local best=999999 TIMEFORMAT='%U %S' times ms
    for ((run = 0; run < ${RUNS:-10}; run++)); do
        times=$( { time "$@" > /dev/null 2>&1; } 2>&1 )
        ms=$(awk '{ printf "%d", ($1 + $2) * 1000 + 0.5 }' <<< "$times")
        ((ms < best)) && best=$ms
    done
    echo "$best"
}

row() { printf '%-24s %6s ms\n' "$1" "$(least "${@:2}")"; }

row "--version" dotnet "$tool" --version
row "--help" dotnet "$tool" --help
row "train --help" dotnet "$tool" train --help
if [[ -n $tokenizer ]]; then
    RUNS=1 row "tokenize, first call" dotnet "$tool" tokenize --tokenizer "$tokenizer" --text "Hello, world!"
    row "tokenize, later calls" dotnet "$tool" tokenize --tokenizer "$tokenizer" --text "Hello, world!"
fi
