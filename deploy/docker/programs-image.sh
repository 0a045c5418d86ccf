#!/usr/bin/env bash
# Makes an image of programs that are compiled already, for the build argument PROGRAMS of deploy/docker/Dockerfile: they must have
# been compiled on the same release of Debian. usage: programs-image.sh BUILD [IMAGE], e.g. build/release
set -euo pipefail
readonly build=$1 image=${2:-probegate-programs:local}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --strip --prefix "$work/usr/local" >"$work/log" || {
  cat "$work/log" >&2
  exit 1
}
tar --create --directory "$work" --owner 0 --group 0 usr/local/bin | docker import - "$image" >/dev/null
