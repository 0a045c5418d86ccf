# shellcheck shell=bash
need_packages build python bench
need_venv
build dev programs probegate-load probegate-bench-scope usbemu
PROBEGATE_BIN="$PWD/build/dev/bin" "$venv/bin/python" tests/bench/run.py "$@"
