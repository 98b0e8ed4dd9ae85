#!/bin/sh
# The part of ../check.sh that runs on the copy of the system.
set -eu
fail() { echo "deploy: $1" >&2; exit 1; }
has() { case $2 in *"$1"*) ;; *) fail "$3: $2" ;; esac; }

# Whatever was installed before is none of this.
dpkg --purge downlink >/dev/null 2>&1 || true
export DEBIAN_FRONTEND=noninteractive
dpkg --install /run/downlink.deb >/dev/null
config=/etc/downlink/downlink.toml
[ "$(stat -c '%U:%G %a' $config)" = 'root:downlink 640' ] || fail "the keys are not for the service alone"
[ "$(stat -c '%U:%G %a' /var/lib/downlink)" = 'downlink:downlink 700' ] || fail "the data is not for the service alone"

# The units name what there is, and confine it.
units=/lib/systemd/system
systemd-analyze verify $units/downlink.service $units/downlink.socket
systemd-analyze security --offline=yes --threshold=20 $units/downlink.service >/run/exposure ||
  fail "the service is confined less than before: $(tail -n 1 /run/exposure)"

# As systemd starts it: by the command of the unit, as its user, with the socket passed, and with as little of the system.
if grep -q '^ProcSubset=pid' $units/downlink.service; then mount -t proc -o subset=pid proc /proc; fi
grep -q '^ProtectSystem=strict' $units/downlink.service || fail "the service may write anywhere"
# Without it a slow reader cannot be told from one that is gone.
grep -q '^RestrictAddressFamilies=.*AF_NETLINK' $units/downlink.service || fail "the service cannot ask the kernel about slow readers"
command=$(sed -n 's/^ExecStart=//p' $units/downlink.service)
start() {
  mount --bind /var/lib/downlink /var/lib/downlink
  mount -o remount,bind,ro /
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  # shellcheck disable=SC2086
  setpriv --reuid downlink --regid downlink --clear-groups \
    systemd-socket-activate --listen "127.0.0.1:$port" $command >/run/log 2>&1 &
  server=$!
  trap 'kill $server $page 2>/dev/null || true' EXIT
}
page=
stop() {
  kill $server
  wait $server || fail "it did not end in order: $(cat /run/log)"
  trap - EXIT
  mount -o remount,bind,rw /
  umount /var/lib/downlink
}
ask() { curl -sS --retry 40 --retry-delay 0 --retry-connrefused --retry-max-time 20 "$@" || fail "$(cat /run/log)"; }
start
url=http://127.0.0.1:$port
ask "$url/healthz" >/dev/null
key=$(sed -n 's/^keys = \["\(.*\)"\]/\1/p' $config)
answer=$(ask -X POST "$url/v1/channels/ada/messages" -H "Authorization: Bearer $key" -d hello)
has '"id"' "$answer" 'the service does not take a message'
[ -n "$(ls /var/lib/downlink)" ] || fail "nothing was stored"
stop

# With TLS, as docs/production.md has it: files that the service alone can read, and a message over wss.
plain=$(cat $config)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -addext basicConstraints=critical,CA:FALSE -keyout /etc/downlink/privkey.pem -out /etc/downlink/fullchain.pem 2>/run/openssl ||
  fail "$(cat /run/openssl)"
chown root:downlink /etc/downlink/*.pem
chmod 640 /etc/downlink/*.pem
sed -i 's/^# \(certificate\|key\) = "\/etc\/downlink\//\1 = "\/etc\/downlink\//' $config
downlink config check --config $config >/dev/null
start
url=https://localhost:$port
cp /etc/downlink/fullchain.pem /run/authority.pem
answer=$(ask --cacert /run/authority.pem "$url/readyz")
has '"sends":{"ready":true' "$answer" 'it is not ready'
cat >/run/wss.py <<'END'
# A page's part of a WebSocket over TLS: opens it, tells a file, and shows what arrives until there is a message.
import base64, os, socket, ssl, sys, time
port, token, opened = sys.argv[1:]
context = ssl.create_default_context(cafile="/run/authority.pem")
wire = context.wrap_socket(socket.create_connection(("localhost", int(port)), 20), server_hostname="localhost")
key = base64.b64encode(os.urandom(16)).decode()
wire.sendall((
    "GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: downlink.v1, downlink.token.{token}\r\n\r\n"
).encode())
seen, until = b"", time.monotonic() + 20
while b'"data"' not in seen and time.monotonic() < until:
    piece = wire.recv(4096)
    if not piece:
        break
    seen += piece
    if b'"open"' in seen:
        open(opened, "w").close()
print(seen.decode(errors="replace"))
END
export DOWNLINK_URL="$url" DOWNLINK_CA_FILE=/run/authority.pem DOWNLINK_API_KEY="$key"
python3 /run/wss.py "$port" "$(downlink channel create ada)" /run/opened >/run/heard 2>&1 &
page=$!
tries=200
until [ -e /run/opened ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || fail "no WebSocket opens over TLS: $(cat /run/heard)"
  sleep 0.1
done
downlink send ada 'over wss' >/dev/null
wait $page
has '101 Switching' "$(cat /run/heard)" 'it was no WebSocket'
has 'over wss' "$(cat /run/heard)" 'the message did not come'
unset DOWNLINK_URL DOWNLINK_CA_FILE DOWNLINK_API_KEY
stop
printf '%s\n' "$plain" >$config

# An upgrade keeps keys and messages; only a purge takes them away.
before=$(cat $config)
dpkg --install /run/downlink.deb >/dev/null
[ "$before" = "$(cat $config)" ] || fail "an upgrade made new keys"
dpkg --remove downlink >/dev/null
[ -e $config ] || fail "removing took the keys away"
dpkg --purge downlink >/dev/null
[ ! -e /etc/downlink ] && [ ! -e /var/lib/downlink ] || fail "something is left after a purge"
echo "the package was installed, started without and with TLS, upgraded, removed and purged"
