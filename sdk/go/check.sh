#!/bin/sh
# Checks the Go module and the examples that use it: form, vet, tests against the real server.
#
# GO            the go command (default: go), 1.19 or newer; nothing is downloaded
# DOWNLINK_BIN  the program to test against (default: target/release/downlink of this repository)
# Arguments go to go test.
set -eu
cd "$(dirname "$0")"
go="${GO:-go}"
# With the standard library only there is nothing to fetch, and the go that is here has to do.
export GOTOOLCHAIN=local GOPROXY=off

gofmt="$(dirname "$(command -v "$go")")/gofmt"

# The race detector needs cgo and a C compiler.
race=
if [ "$("$go" env CGO_ENABLED)" = 1 ] && command -v "$("$go" env CC)" >/dev/null; then race=-race; fi

for module in . ../../examples/tic-tac-toe/go ../../examples/dashboard; do
  (
    cd "$module"
    unformatted="$("$gofmt" -l .)"
    if [ -n "$unformatted" ]; then
      echo "gofmt would change, in $module:" >&2
      echo "$unformatted" >&2
      exit 1
    fi
    "$go" vet ./...
    "$go" test $race -count=1 -timeout 5m "$@" ./...
  )
done
