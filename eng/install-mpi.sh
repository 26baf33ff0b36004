#!/usr/bin/env bash
# Installs Open MPI and MPICH (Debian's openmpi-bin and mpich, side by side) where they are missing, so that tests of several ranks run
# under both launchers. Quiet, idempotent; without root or network it says so, and the tests that need them skip.
set -uo pipefail

missing=()
command -v mpirun.openmpi >/dev/null || missing+=(openmpi-bin)
command -v mpirun.mpich >/dev/null || missing+=(mpich)
[ "${#missing[@]}" -gt 0 ] || exit 0
give_up() { echo "${missing[*]} not installed ($1): tests that need mpirun will be skipped." >&2; exit 1; }
command -v apt-get >/dev/null || give_up "no apt-get here"
[ "$(id -u)" -eq 0 ] || give_up "needs root"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get update failed"; }
apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { tail -n 1 "$log" >&2; give_up "apt-get install failed"; }
