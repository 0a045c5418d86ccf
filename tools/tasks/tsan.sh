# shellcheck shell=bash
need_packages build
source tools/results.sh
source tools/suites.sh
tsan_suites
finish
