#!/usr/bin/env bash
# Installs npm's packages for the tests that use real clients: @huggingface/hub against the Hub's stand-in, llama.cpp
# (node-llama-cpp) on exported GGUF files, openai against the server, and playwright-core, which drives a browser through pages.
# Quiet, idempotent; without Node or network it says so, and those tests skip.
set -uo pipefail
cd "$(dirname "$0")/../tests"

status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
give_up() { echo "$1 not installed ($2): its tests will be skipped." >&2; status=1; }

# A lock file of node-llama-cpp would name its packages for every system, and npm ci would want all of them: see 'how'.
install() { # folder, package, how
    [ ! -d "$1/node_modules/$2" ] || return 0
    command -v npm >/dev/null || { give_up "$2" "no npm here"; return; }
    (cd "$1" && NODE_LLAMA_CPP_SKIP_DOWNLOAD=true timeout 120 npm $3 --omit=optional --no-audit --no-fund --ignore-scripts) \
        >"$log" 2>&1 || { tail -n 3 "$log" >&2; give_up "$2" "npm $3 failed"; }
}

install Lapidary.HubServer/clients/node @huggingface/hub ci
install clients/llama node-llama-cpp "install --no-package-lock"
install clients/openai openai ci
install clients/browser playwright-core ci
exit "$status"
