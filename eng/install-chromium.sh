#!/usr/bin/env bash
# Installs Debian's chromium where no browser is, for the tests that open a training report and the page of serve. Quiet, idempotent; without root or network it
# says so, and those tests skip.
set -uo pipefail

for browser in chromium chromium-browser google-chrome; do
    ! command -v "$browser" >/dev/null || exit 0
done
give_up() { echo "chromium not installed ($1): the tests of pages in a browser will be skipped." >&2; exit 1; }
command -v apt-get >/dev/null || give_up "no apt-get here"
[ "$(id -u)" -eq 0 ] || give_up "needs root"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get update failed"; }
timeout 300 apt-get install -y --no-install-recommends chromium >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get install failed"; }
