#!/usr/bin/env bash
# Installs npm's @huggingface/hub for the test that sends a real client to the Hub's stand-in (tests/Lapidary.HubServer/clients/node).
# Quiet, idempotent; without Node or network it says so, and the test skips.
set -uo pipefail
cd "$(dirname "$0")/../tests/Lapidary.HubServer/clients/node"

[ ! -d node_modules/@huggingface/hub ] || exit 0
give_up() { echo "@huggingface/hub not installed ($1): its test will be skipped." >&2; exit 1; }
command -v npm >/dev/null || give_up "no npm here"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
timeout 120 npm ci --no-audit --no-fund --ignore-scripts >"$log" 2>&1 || { tail -n 3 "$log" >&2; give_up "npm ci failed"; }
