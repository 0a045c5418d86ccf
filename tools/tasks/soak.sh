# shellcheck shell=bash
# Its last output line is the figure. It exits with 1 if there was a problem; each is a line before the figure.
seconds=${1-600}
if (($# > 1)) || ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then die 'usage: ./dev soak [SECONDS]'; fi
need_packages build python test
need_venv
build dev programs
PROBEGATE_BIN="$PWD/build/dev/bin" PATH="$PWD/$venv/bin:$PATH" PYTHONPATH=tests:tests/hostile:tests/interop \
  "$venv/bin/python" tests/hostile/soak.py --seconds "$seconds"
