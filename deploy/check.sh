#!/bin/sh
# Checks what is deployed, as docs/production.md says it: builds the Debian package, installs it, has systemd start it, upgrades it and
# purges it. All of that happens on a copy of this system that is thrown away: an overlay, in namespaces of its own in which a
# systemd is the first process, whatever runs here. It needs root.
#
# DOWNLINK_BIN  the program (default: target/release/downlink of this repository)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

case ${1:-} in
  '')
    # The image builds with the toolchain of the project, and copies what the project builds.
    toolchain=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
    grep -q "^FROM rust:${toolchain%.0}-" "$here/Dockerfile" || { echo "Dockerfile: not the toolchain $toolchain" >&2; exit 1; }
    copy=$(mktemp -d)
    # What the copy's systemd makes of control groups lies below this one.
    groups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
    [ -n "$groups" ] || { echo "deploy: systemd needs control groups; mount -t cgroup2 cgroup2 /sys/fs/cgroup" >&2; exit 1; }
    group=$groups/downlink-check.$$
    mkdir "$group"
    clean() {
      rmdir "$copy"
      # Those who were in it may still be ending.
      tries=50
      until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || [ $tries = 0 ]; do
        tries=$((tries - 1))
        sleep 0.1
      done
    }
    trap clean EXIT
    unshare --mount "$0" prepare "$copy" "$group"
    exit
    ;;
  boot)
    # The first process of the copy: from here on nothing of this system is in sight but its kernel.
    copy=$2/root
    ip link set lo up
    mount -t proc proc "$copy/proc"
    # Settings of the kernel are not the copy's.
    mount --bind -o ro "$copy/proc/sys" "$copy/proc/sys"
    mount -t sysfs -o ro sysfs "$copy/sys"
    mount -t cgroup2 cgroup2 "$copy/sys/fs/cgroup"
    mount --rbind /dev "$copy/dev"
    mount -t tmpfs tmpfs "$copy/tmp"
    cd "$copy"
    pivot_root . mnt
    umount -l mnt
    exec env -i container=downlink-check PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target
    ;;
esac

copy=$2
group=$3
# All that is mounted here goes with this namespace.
mount -t tmpfs tmpfs "$copy"
mkdir "$copy/upper" "$copy/work" "$copy/root" "$copy/made"
"$here/debian/build.sh" "$copy/made" >/dev/null
mount -t overlay overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$copy/root"
mkdir -p "$copy/root/run"
mount -t tmpfs tmpfs "$copy/root/run"
cp "$copy"/made/*.deb "$copy/root/run/downlink.deb"
cp "$here/debian/check_inside.sh" "$copy/root/run/check.sh"
# Disks of this system are not the copy's.
: >"$copy/root/etc/fstab"
echo '127.0.0.1 push.example.com' >>"$copy/root/etc/hosts"

(
  echo 0 >"$group/cgroup.procs"
  exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup "$0" boot "$copy"
) >"$copy/console" 2>&1 </dev/null &
outside=$!
# With it its child, the systemd, and with that all others of the copy.
trap 'kill -KILL "$outside" 2>/dev/null || true; wait "$outside" 2>/dev/null || true' EXIT
within() { nsenter --target "$first" --mount --pid --uts --ipc --net --cgroup "$@"; }
tries=300
until first=$(cat "/proc/$outside/task/$outside/children" 2>/dev/null) && first=${first% } && [ -n "$first" ] &&
  within systemctl is-system-running 2>/dev/null | grep -qx 'running\|degraded'; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "deploy: systemd does not start: $(cat "$copy/console")" >&2; exit 1; }
  sleep 0.1
done
within /bin/sh /run/check.sh || {
  within journalctl --no-pager --boot --lines 60 >&2
  exit 1
}
