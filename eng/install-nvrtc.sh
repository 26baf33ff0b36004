#!/usr/bin/env bash
# Installs NVIDIA's run-time compiler (NVRTC 11.8, Debian's libnvrtc11.2 from non-free) where it is missing, so that kernels can be
# compiled on a machine without a GPU. Quiet, idempotent; without root or network it says so, and the tests that need it skip.
set -uo pipefail

if ldconfig -p 2>/dev/null | grep -q 'libnvrtc\.so'; then exit 0; fi
give_up() { echo "NVRTC is not installed ($1): tests that compile CUDA kernels will be skipped." >&2; exit 1; }
command -v apt-get >/dev/null || give_up "no apt-get here"
[ "$(id -u)" -eq 0 ] || give_up "needs root"
sources=/etc/apt/sources.list.d
[ -f "$sources/debian.sources" ] || give_up "only written for Debian 12 and later"

# The machine's own Debian sources once more, for the non-free component alone.
sed 's/^Components:.*/Components: non-free/' "$sources/debian.sources" >"$sources/lapidary-non-free.sources"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update -o Dir::Etc::sourcelist="$sources/lapidary-non-free.sources" -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0 >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get update failed"; }
apt-get install -y --no-install-recommends libnvrtc11.2 >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get install failed"; }
