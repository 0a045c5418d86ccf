#!/bin/sh
# compile.sh packages: installs the build dependencies listed in /tools/packages.txt.
# compile.sh programs [JOBS]: compiles /src and installs the programs into /usr/local.
set -eu
case $1 in
  packages)
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    # shellcheck disable=SC2046 # one package per word
    apt-get -qq install --yes --no-install-recommends $(sed -n 's/^build //p' "${0%/*}/packages.txt") >/dev/null
    ;;
  programs)
    cd /src
    cmake --preset release
    cmake --build --preset release --target programs --parallel "${2:-$(nproc)}"
    cmake --install build/release --strip
    rm -r build
    ;;
esac
