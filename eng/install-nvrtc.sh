#!/usr/bin/env bash
# Installs NVIDIA's run-time compiler (NVRTC) where it is missing, so that kernels can be compiled on a machine without a GPU: 12.4, which
# knows the instructions of warpgroups, from Debian 13's files; if these cannot be had, 11.8 from the machine's own Debian (non-free). Quiet,
# idempotent; without root or network it says so, and the tests that need it skip.
set -uo pipefail

if ldconfig -p 2>/dev/null | grep -q 'libnvrtc\.so\.1[23]'; then exit 0; fi
give_up() { echo "NVRTC is not installed ($1): tests that compile CUDA kernels will be skipped." >&2; exit 1; }
command -v apt-get >/dev/null || give_up "no apt-get here"
[ "$(id -u)" -eq 0 ] || give_up "needs root"
sources=/etc/apt/sources.list.d
[ -f "$sources/debian.sources" ] || give_up "only written for Debian 12 and later"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive

# The two packages need nothing but a libc of Debian 12; their checksums are those of Debian's list.
files=http://deb.debian.org/debian/pool/non-free/n/nvidia-cuda-toolkit
cat >"$work/sums" <<'SUMS'
db76acbd9ad53eae57291114b615ed21551592dee0b1160990a33066d86c251c libnvrtc12_12.4.127~12.4.1-2_amd64.deb
c4f9ea43c3e176a9f46b50718d546adb0dc7344432cd7d8b1483692e0416d24c libnvrtc-builtins12.4_12.4.127~12.4.1-2_amd64.deb
SUMS
install_12() {
    cd "$work" || return 1
    for file in $(awk '{print $2}' sums); do curl -fsS --retry 3 --max-time 300 -O "$files/$file" || return 1; done
    sha256sum --quiet -c sums && dpkg -i ./*.deb
}
if [ "$(dpkg --print-architecture)" = amd64 ] && (install_12) >"$work/log" 2>&1; then exit 0; fi
if ldconfig -p 2>/dev/null | grep -q 'libnvrtc\.so'; then exit 0; fi

# The machine's own Debian sources once more, for the non-free component alone.
sed 's/^Components:.*/Components: non-free/' "$sources/debian.sources" >"$sources/lapidary-non-free.sources"
apt-get update -o Dir::Etc::sourcelist="$sources/lapidary-non-free.sources" -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0 >"$work/log" 2>&1 || { tail -n 1 "$work/log" >&2; give_up "apt-get update failed"; }
apt-get install -y --no-install-recommends libnvrtc11.2 >"$work/log" 2>&1 || { tail -n 1 "$work/log" >&2; give_up "apt-get install failed"; }
