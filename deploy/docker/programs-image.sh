#!/usr/bin/env bash
# Makes an image from compiled programs, for the build argument PROGRAMS of deploy/docker/Dockerfile. They must have been
# compiled on the same release of Debian. usage: programs-image.sh BUILD [IMAGE], where BUILD is e.g. build/release
set -euo pipefail
readonly build=$1 image=${2:-probegate-programs:local}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --strip --prefix "$work/usr/local" >"$work/log" || {
  cat "$work/log" >&2
  exit 1
}
tar --create --directory "$work" --owner 0 --group 0 usr/local/bin | docker import - "$image" >/dev/null
