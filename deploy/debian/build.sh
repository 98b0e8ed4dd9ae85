#!/bin/sh
# Builds a Debian package from the program that is built already: deploy/debian/build.sh [FOLDER] writes
# FOLDER/downlink_VERSION_ARCHITECTURE.deb (default: target). It needs dpkg-deb, which every Debian has.
#
# DOWNLINK_BIN  the program (default: target/release/downlink of this repository)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/target}
program=${DOWNLINK_BIN:-$root/target/release/downlink}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
architecture=$(dpkg --print-architecture)
# The oldest C library whose symbols the program asks for.
libc=$(objdump -T "$program" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -Vu | tail -n 1)

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
put() { install -D -m "$1" "$2" "$tree/$3"; }
put 755 "$program" usr/bin/downlink
strip --strip-unneeded "$tree/usr/bin/downlink"
put 644 "$root/deploy/systemd/downlink.service" lib/systemd/system/downlink.service
put 644 "$root/deploy/systemd/downlink.socket" lib/systemd/system/downlink.socket
for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE deploy/nginx.conf deploy/Caddyfile; do
  put 644 "$root/$file" "usr/share/doc/downlink/$(basename "$file")"
done
put 644 "$here/copyright" usr/share/doc/downlink/copyright
for script in postinst prerm postrm; do put 755 "$here/$script" "DEBIAN/$script"; done
cat >"$tree/DEBIAN/control" <<END
Package: downlink
Version: $version
Architecture: $architecture
Maintainer: The Downlink authors <downlink@localhost>
Installed-Size: $(du -sk "$tree" | cut -f1)
Depends: libc6 (>= $libc), libgcc-s1, adduser
Section: net
Priority: optional
Description: one-way channels from a server to its browsers
 An application asks for a channel for one of its clients and gets a token; a
 page opens the channel with it. Whatever the application then sends arrives in
 the page, in order, once, without polling, also after a reload or a restart.
END
mkdir -p "$out"
dpkg-deb --build --root-owner-group -Zxz -z1 "$tree" "$out/downlink_${version}_${architecture}.deb"
