#!/usr/bin/env bash
# Makes a base image from Debian packages, much like debian:bookworm-slim, for machines that can reach a Debian mirror but no
# image registry. Needs docker and mmdebstrap. usage: local-base.sh [--anew] [IMAGE]
#
# The image inherits this machine's network settings: apt's mirrors, proxies and relaxed checks, and the certificates in
# /usr/local/share/ca-certificates.
set -euo pipefail

anew=
if [[ ${1-} == --anew ]]; then
  anew=yes
  shift
fi
readonly image=${1:-probegate-base:bookworm} release=bookworm
readonly certificates=/usr/local/share/ca-certificates

if [[ -z $anew ]] && docker image inspect "$image" >/dev/null 2>&1; then exit; fi
command -v mmdebstrap >/dev/null || {
  echo 'local-base.sh: mmdebstrap is not installed. On Debian: apt-get install mmdebstrap' >&2
  exit 1
}

# Leave out what debian:bookworm-slim leaves out, but keep the licences.
options=(--variant=minbase --aptopt='APT::Install-Recommends "false"')
# Without this, usrmerge and all of Perl would be installed, to merge directories that are merged from the start.
options+=(--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged)
for path in doc man info locale lintian groff; do options+=(--dpkgopt="path-exclude=/usr/share/$path/*"); done
options+=(--dpkgopt='path-include=/usr/share/doc/*/copyright')

# apt-config does not quote values, and ends each line as in a configuration file.
while read -r setting; do
  options+=(--aptopt="$setting")
done < <(apt-config dump | grep -E '^Acquire::(Check-(Valid-Until|Date)|https?::[Pp]roxy) ' || true)

sources() {
  local rows
  # shellcheck disable=SC2016 # apt expands the variables
  rows=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    grep -E " $release(-updates|-security)? main$" | sort -u) || true
  [[ $rows == *" $release main"* ]] || rows="deb http://deb.debian.org/debian $release main
deb http://deb.debian.org/debian $release-updates main
deb http://deb.debian.org/debian-security $release-security main"
  printf '%s\n' "$rows"
}

# mmdebstrap passes the new system's directory to each hook as $1.
# shellcheck disable=SC2016
if compgen -G "$certificates/*.crt" >/dev/null; then
  options+=(--include=ca-certificates --customize-hook="copy-in $(printf '%s ' "$certificates"/*.crt) $certificates"
    --customize-hook='chroot "$1" update-ca-certificates >/dev/null')
fi
# These files were copied from this machine and do not belong in the image.
# shellcheck disable=SC2016
options+=(--customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources >"$work/sources.list"
TMPDIR=$work mmdebstrap --quiet "${options[@]}" "$release" "$work/base.tar" "$work/sources.list"
docker import --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  "$work/base.tar" "$image" >/dev/null
