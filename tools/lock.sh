#!/usr/bin/env bash
# Resolves the Python packages that this project installs, and writes them with their versions and the hashes of their files.
# pip installs only from these files, and only what has one of these hashes (--require-hashes). Run it after a change of
# a list of wanted packages, and with --upgrade to get newer versions of what these packages need. Uses PyPI.
#
# | wanted | written | for |
# |---|---|---|
# | tools/requirements.in | tools/requirements.txt | build/venv |
# | tools/requirements-pyocd.txt | tools/locked/pyocd-<version>.txt, one each | build/pyocd-<version> |
# | deploy/pyocd/requirements.in | deploy/pyocd/requirements.txt | images, CI jobs and machines that have debugd |
# | the version in tools/locked/uv.txt | tools/locked/uv.txt | this script |
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

upgrade=()
case "$*" in
  '') ;;
  --upgrade) upgrade=(--upgrade) ;;
  *)
    echo 'usage: tools/lock.sh [--upgrade]' >&2
    exit 2
    ;;
esac

readonly environment=build/uv
if [[ ! -x $environment/bin/uv ]]; then
  /usr/bin/python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --require-hashes --only-binary :all: --requirement tools/locked/uv.txt
fi

# lock wanted written: `wanted` is a file, or - for standard input. Python 3.11 is Debian 12's; CI jobs may have a later one.
lock() {
  "$environment/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    --only-binary :all: --custom-compile-command tools/lock.sh "${upgrade[@]}" "$1" --output-file "$2"
}

lock tools/requirements.in tools/requirements.txt
lock deploy/pyocd/requirements.in deploy/pyocd/requirements.txt
grep '^uv==' tools/locked/uv.txt | cut -d ' ' -f 1 | lock - tools/locked/uv.txt
while read -r requirement; do
  lock - "tools/locked/${requirement/==/-}.txt" <<<"$requirement"
done < <(grep -v '^#' tools/requirements-pyocd.txt)
