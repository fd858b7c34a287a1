#!/usr/bin/env bash
# Packs all that gpu.run.sh needs into a folder, for a machine with a GPU that has neither Node nor a network: Node, the built package with
# its dependencies, the Vulkan loader and what the driver needs beside it (Debian packages), the baseline.
#
#   npm run build && data/bench/gpu.pack.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "$1")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

mkdir -p "$target" "$stage/node_modules"
cp "$(command -v node)" "$stage/node"
strip "$stage/node" 2>/dev/null || true
cp -r dist package.json "$stage/"
mkdir -p "$stage/data" "$stage/test/reference"
cp -r data/bench "$stage/data/"
cp test/reference/args_baseline.py "$stage/test/reference/"
npm ls --omit=dev --all --parseable 2>/dev/null | sed -n "s|^$PWD/node_modules/||p" | sort -u | while read -r name; do
  mkdir -p "$stage/node_modules/$(dirname "$name")"
  [ -e "$stage/node_modules/$name" ] || cp -r "node_modules/$name" "$stage/node_modules/$name"
done
bin=$stage/node_modules/onnxruntime-node/bin/napi-v6
rm -rf "$bin/darwin" "$bin/win32" "$bin/linux/arm64"
find "$stage/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete
# NVIDIA's driver needs the libraries of EGL and X11 to start, also where there is no display.
(cd "$stage" && apt-get download libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2 libx11-6 libx11-data libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0 >/dev/null)
cp data/bench/gpu.run.sh "$target/"
tar -C "$stage" -c . | xz -T0 -3 >"$target/package.tar.xz"
du -sh "$target"
