#!/bin/sh
# Checks the Node package: installs what the lock file says, builds, checks the types, tests what was built.
#
# DOWNLINK_BIN  the program to test against (default: target/release/downlink of this repository)
# Arguments go to vitest.
set -eu
cd "$(dirname "$0")"

stamp=node_modules/.installed
cmp -s package-lock.json "$stamp" || {
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json "$stamp"
}
npm run --silent build
npm run --silent check
npm test --silent -- "$@"
