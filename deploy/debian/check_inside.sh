#!/bin/sh
# The part of ../check.sh that runs on the copy of the system, where a systemd is the first process.
set -eu
fail() { echo "deploy: $1" >&2; exit 1; }
has() { case $2 in *"$1"*) ;; *) fail "$3: $2" ;; esac; }
ask() { curl -sS --max-time 20 "$@"; }

# Whatever was installed before is none of this.
dpkg --purge downlink >/dev/null 2>&1 || true
export DEBIAN_FRONTEND=noninteractive
dpkg --install /run/downlink.deb >/dev/null
config=/etc/downlink/downlink.toml
[ "$(stat -c '%U:%G %a' $config)" = 'root:downlink 640' ] || fail "the keys are not for the service alone"
[ "$(stat -c '%U:%G %a' /var/lib/downlink)" = 'downlink:downlink 700' ] || fail "the data is not for the service alone"
! systemctl -q is-active downlink.service downlink.socket || fail "it was started before its keys and its address were looked at"

# The units name what there is, and confine it.
units=/lib/systemd/system
systemd-analyze verify $units/downlink.service $units/downlink.socket
systemd-analyze security --offline=yes --threshold=20 $units/downlink.service >/run/exposure ||
  fail "the service is confined less than before: $(tail -n 1 /run/exposure)"

downlink config check --config $config >/dev/null
systemctl -q enable --now downlink.socket downlink.service
url=http://127.0.0.1:7171
ask "$url/healthz" >/dev/null
key=$(sed -n 's/^keys = \["\(.*\)"\]/\1/p' $config)
post() { ask -X POST "$url/v1/channels/ada/messages" -H "Authorization: Bearer $1" -d "$2"; }
has '"id"' "$(post "$key" hello)" 'the service does not take a message'
[ -n "$(ls /var/lib/downlink)" ] || fail "nothing was stored"
# Confined as it is, it asks the kernel about slow readers, and finds whether the kernel is still the one of the last start.
warned=$(journalctl -u downlink -o cat | grep -w 'WARN\|ERROR' || true)
[ -z "$warned" ] || fail "it complains: $warned"

# Connections wait while it restarts; none is refused.
process() { systemctl show -P MainPID downlink.service; }
cat >/run/ask.py <<'END'
# Connects anew for each question, for as long as a file is there; says how many were answered.
import http.client, os, sys
answered = 0
while os.path.exists("/run/asking") or answered == 0:
    connection = http.client.HTTPConnection("127.0.0.1", 7171, timeout=20)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    # While it stops it says so.
    assert status in (200, 503), status
    connection.close()
    answered += 1
print(answered)
END
touch /run/asking
python3 /run/ask.py >/run/asked 2>&1 &
asking=$!
before=$(process)
for _ in 1 2 3; do systemctl restart downlink.service; done
rm /run/asking
wait $asking || fail "while the service restarts connections fail: $(cat /run/asked)"
[ "$(cat /run/asked)" -gt 3 ] || fail "nobody asked while the service restarted"
[ "$before" != "$(process)" ] || fail "it did not restart"

# Killed, it comes back with what was stored.
before=$(process)
systemctl kill --signal KILL downlink.service
tries=100
until [ "$(process)" != "$before" ] && systemctl -q is-active downlink.service; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || fail "it is not started again after a crash"
  sleep 0.1
done
has hello "$(ask "$url/v1/channels/ada/messages" -H "Authorization: Bearer $key")" 'a message is gone after a crash'

# New keys without a restart.
sed -i "s/^keys = .*/keys = [\"$key\", \"another-key-of-32-characters-or-more\"]/" $config
before=$(process)
systemctl reload downlink.service
tries=100
until post another-key-of-32-characters-or-more again | grep -q '"id"'; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || fail "a reload does not take a new key"
  sleep 0.1
done
[ "$before" = "$(process)" ] || fail "a reload restarts"

# With TLS on its own port: files that the service alone can read, and a message over wss.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=push.example.com \
  -addext subjectAltName=DNS:push.example.com -addext basicConstraints=critical,CA:FALSE \
  -keyout /etc/downlink/privkey.pem -out /etc/downlink/fullchain.pem 2>/run/openssl || fail "$(cat /run/openssl)"
chown root:downlink /etc/downlink/*.pem
chmod 640 /etc/downlink/*.pem
sed -i 's/^# \(certificate\|key\) = "\/etc\/downlink\//\1 = "\/etc\/downlink\//' $config
downlink config check --config $config >/dev/null
mkdir -p /etc/systemd/system/downlink.socket.d
printf '[Socket]\nListenStream=\nListenStream=443\n' >/etc/systemd/system/downlink.socket.d/override.conf
systemctl daemon-reload
systemctl restart downlink.socket downlink.service
url=https://push.example.com
cp /etc/downlink/fullchain.pem /run/authority.pem
tries=100
until answer=$(ask --cacert /run/authority.pem "$url/readyz") && case $answer in *'"sends":{"ready":true'*) ;; *) false ;; esac; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || fail "it is not ready: $answer"
  sleep 0.1
done
cat >/run/wss.py <<'END'
# A page's part of a WebSocket over TLS: opens it, tells a file, and shows what arrives until there is a message.
import base64, os, socket, ssl, sys, time
token, opened = sys.argv[1:]
context = ssl.create_default_context(cafile="/run/authority.pem")
wire = context.wrap_socket(socket.create_connection(("push.example.com", 443), 20), server_hostname="push.example.com")
key = base64.b64encode(os.urandom(16)).decode()
wire.sendall((
    "GET /v1/socket HTTP/1.1\r\nHost: push.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
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
python3 /run/wss.py "$(downlink channel create ada)" /run/opened >/run/heard 2>&1 &
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

# An upgrade keeps keys and messages, and brings the new program into service; only a purge takes them away.
keys=$(cat $config)
before=$(process)
dpkg --install /run/downlink.deb >/dev/null
[ "$keys" = "$(cat $config)" ] || fail "an upgrade made new keys"
[ "$before" != "$(process)" ] || fail "after an upgrade the old program goes on"
downlink send ada 'after an upgrade' >/dev/null || fail "it does not serve after an upgrade"
dpkg --remove downlink >/dev/null
[ -e $config ] || fail "removing took the keys away"
! ask --cacert /run/authority.pem "$url/healthz" >/dev/null 2>&1 || fail "it serves although it was removed"
dpkg --purge downlink >/dev/null
[ ! -e /etc/downlink ] && [ ! -e /var/lib/downlink ] || fail "something is left after a purge"
echo "the package was installed, started by systemd without and with TLS, restarted, killed, reloaded, upgraded, removed and purged"
