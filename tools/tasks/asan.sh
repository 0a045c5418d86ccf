# shellcheck shell=bash
need_packages build python test
need_venv
source tools/unpacked.sh
need_unpacked
source tools/results.sh
source tools/suites.sh
asan_suites "$@"
finish
