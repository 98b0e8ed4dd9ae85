#!/bin/sh
# Builds the application: ./build.sh [FOLDER] writes FOLDER/progress.jar (default: target).
# It needs a JDK, 11 or newer, and Maven for the SDK.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "${1:-$here/target}"
out="$(cd "${1:-$here/target}" && pwd)"
sdk="$here/../../sdk/java"
jar="$sdk/target/downlink-sdk-0.1.0.jar"

if [ ! -f "$jar" ] || [ -n "$(find "$sdk/src/main" "$sdk/pom.xml" -newer "$jar" -type f)" ]; then
  mvn -B -ntp --quiet -f "$sdk/pom.xml" -Dmaven.test.skip=true package
fi
javac --release 11 -Xlint:all -Werror -cp "$jar" -d "$out/classes" "$here"/src/progress/*.java
# The application and the SDK in one file: the SDK has no dependencies of its own.
cp "$jar" "$out/progress.jar"
jar --update --file "$out/progress.jar" --main-class progress.Main -C "$out/classes" .
