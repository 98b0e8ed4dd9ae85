#!/bin/sh
# Checks what is deployed: builds the Debian package, installs it, starts it as its units say, upgrades it and purges it.
# All of that happens on a copy of this system that is thrown away (an overlay in a mount namespace); it needs root.
#
# DOWNLINK_BIN  the program (default: target/release/downlink of this repository)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

if [ "${1:-}" != inside ]; then
  # The image builds with the toolchain of the project, and copies what the project builds.
  toolchain=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
  grep -q "^FROM rust:${toolchain%.0}-" "$here/Dockerfile" || { echo "Dockerfile: not the toolchain $toolchain" >&2; exit 1; }
  copy=$(mktemp -d)
  trap 'rmdir "$copy"' EXIT
  unshare --mount "$0" inside "$copy"
  exit
fi

copy=$2
# All that is mounted here goes with this namespace.
mount -t tmpfs tmpfs "$copy"
mkdir "$copy/upper" "$copy/work" "$copy/root" "$copy/made"
"$here/debian/build.sh" "$copy/made" >/dev/null
mount -t overlay overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$copy/root"
for kept in proc dev; do mount --rbind "/$kept" "$copy/root/$kept"; done
mkdir -p "$copy/root/run"
mount -t tmpfs tmpfs "$copy/root/run"
cp "$copy"/made/*.deb "$copy/root/run/downlink.deb"
cp "$here/debian/check_inside.sh" "$copy/root/run/check.sh"
chroot "$copy/root" /bin/sh /run/check.sh
