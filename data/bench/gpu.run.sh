#!/usr/bin/env bash
# Measures rxargs on a GPU beside PyTorch on the same GPU, in at most ten minutes: unpacks what gpu.pack.sh packed beside this script, makes
# random pairs, and writes gpu.json to the folder that $OUT names (default: the working directory). The machine needs tar, xz, a GPU with its
# driver, and python3 with PyTorch and transformers. The head of gpu.mjs names its options.
#
#   SECONDS_AT_MOST          all of it (default 540)
#   REPLACE_LIBRARIES=yes    as root: if rxargs finds no GPU, unpack the Debian packages into the system's own folders and go on
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OUT
OUT=$(realpath -m "${OUT:-$PWD}")
mkdir -p "$OUT"
begun=$SECONDS
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
tar -C "$work" -xJf "$here/package.tar.xz"
cd "$work"

# A folder apart, so that nothing on the machine is replaced.
for package in debs/*.deb; do dpkg -x "$package" libraries; done
export RXARGS_LIBRARIES=$work/libraries/usr/lib/x86_64-linux-gnu
driver=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}" ] && [ -f "$driver" ]; then export VK_DRIVER_FILES=$driver; fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
# Rounded weights are kept for the next setting.
export XDG_CACHE_HOME=$work/cache
usable() { LD_LIBRARY_PATH=$1${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} timeout 60 ./node dist/src/cli/main.js inspect --devices | grep -q '^webgpu *takes'; }
if [ "${REPLACE_LIBRARIES:-no}" = yes ] && ! usable "$RXARGS_LIBRARIES"; then
  # Some drivers look in the system's folders only.
  for package in debs/*.deb; do dpkg -x "$package" /; done
  ldconfig
fi
export SECONDS_AT_MOST=$((${SECONDS_AT_MOST:-540} - SECONDS + begun))
status=0
./node data/bench/gpu.mjs "$@" || status=$?
if [ -z "${WORK:-}" ]; then rm -rf "$work"; fi
exit "$status"
