#!/bin/sh
# Checks the Java SDK: builds the jar, and runs the tests against the real server.
#
# DOWNLINK_BIN  the program to test against (default: target/release/downlink of this repository)
# Arguments go to Maven: `./check.sh -Dtest=RetryTest` runs one class.
#
# Maven needs the network the first time only: every version is fixed.
set -eu
cd "$(dirname "$0")"
# Reports of earlier runs would be counted below.
rm -rf target/surefire-reports
mvn -B -ntp --quiet verify "$@"
for report in target/surefire-reports/TEST-*.xml; do
  sed -n 's/.*<testsuite .* name="\([^"]*\)" .*tests="\([0-9]*\)".*/\2 \1/p' "$report"
done | awk '{ total += $1 } END { if (!total) exit 1; printf "%d passed, 0 failed\n", total }'
