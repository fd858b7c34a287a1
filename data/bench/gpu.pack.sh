#!/usr/bin/env bash
# Packs all that gpu.run.sh needs into a folder, for a machine with a GPU (x86-64 Linux) that has neither Node nor a network: Node, the built
# package with its dependencies and the package that lists adapters, the Vulkan loader and what drivers need beside it (Debian packages), the
# baseline. About 50 MB. Needs Debian or Ubuntu for apt-get.
#
#   npm run build && data/bench/gpu.pack.sh FOLDER
#
# Then, on the machine, beside the files of FOLDER: OUT=results ./gpu.run.sh
# To rehearse it on a machine without a GPU (Debian's chromium has the driver; it takes two to six minutes):
#
#   VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json BASELINE_DEVICE=cpu OUT=results ./gpu.run.sh --small
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "$1")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

mkdir -p "$target" "$stage/node_modules" "$stage/debs" "$stage/data" "$stage/test/reference"
cp "$(readlink -f "$(command -v node)")" "$stage/node"
strip "$stage/node" 2>/dev/null || true
cp -r dist package.json "$stage/"
cp -r data/bench "$stage/data/"
cp test/reference/args_baseline.py "$stage/test/reference/"
names=$(npm ls --omit=dev --all --parseable 2>/dev/null | sed -n "s|^$PWD/node_modules/||p" | sort -u)
for name in $names webgpu; do
  mkdir -p "$stage/node_modules/$(dirname "$name")"
  [ -e "$stage/node_modules/$name" ] || cp -r "node_modules/$name" "$stage/node_modules/$name"
done
runtime=$stage/node_modules/onnxruntime-node/bin/napi-v6
rm -rf "$runtime/darwin" "$runtime/win32" "$runtime/linux/arm64"
find "$stage/node_modules/webgpu/dist" -mindepth 1 -maxdepth 1 ! -name linux-x64 -exec rm -rf {} +
strip "$stage/node_modules/webgpu/dist/linux-x64/dawn.node" 2>/dev/null || true
find "$stage/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.md' \) -delete
# NVIDIA's driver needs the libraries of EGL and X11 to start, also where there is no display.
chmod 755 "$stage" "$stage/debs"
(cd "$stage/debs" && apt-get -qq -o APT::Sandbox::User=root download libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0)
cp data/bench/gpu.run.sh "$target/"
tar -C "$stage" -c . | xz -T0 -6 >"$target/package.tar.xz"
du -sh "$target"
