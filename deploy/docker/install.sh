#!/bin/sh
# install.sh PACKAGE…: installs Debian packages into an image, and leaves no caches or logs. The base image is pinned by its
# digest, so what Debian has corrected since then is installed here.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq upgrade --yes >/dev/null
apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log
