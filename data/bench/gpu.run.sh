#!/usr/bin/env bash
# Measures rxargs on a GPU beside PyTorch on the same GPU, in at most ten minutes: unpacks what gpu.pack.sh packed beside this script, makes
# random pairs, and writes gpu.json to the folder that $OUT names (default: the working directory).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OUT=${OUT:-$PWD}
work=${WORK:-$(mktemp -d)}
tar -C "$work" -xJf "$here/package.tar.xz"
cd "$work"
for library in libvulkan.so.1 libEGL.so.1 libXext.so.6; do
  if ldconfig -p | grep "$library" >/dev/null; then continue; fi
  for package in ./*.deb; do dpkg -x "$package" /; done
  ldconfig
  break
done
driver=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}" ] && [ -f "$driver" ]; then export VK_DRIVER_FILES=$driver; fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
exec ./node data/bench/gpu.mjs "$@"
