# shellcheck shell=bash
full=
case "$*" in
  '') ;;
  --full) full=yes ;;
  *) die 'usage: ./dev test [--full]' ;;
esac
need_packages build python test clang
# Containers are tested only if docker is installed.
! command -v docker >/dev/null || need_packages containers
need_venv
source tools/unpacked.sh
need_unpacked
if [[ $full ]]; then
  source tools/pyocd_versions.sh
  need_pyocd_versions
fi
source tools/results.sh
source tools/suites.sh

ctest_suite 'unit tests' dev
soak_seconds=${full:+60} pyocd_versions=${full:+$PWD/build} pytest_suite 'checks and real clients' dev tests
ctest_suite 'fuzz targets, ten seconds each' fuzz
if [[ $full ]]; then
  asan_suites -m 'not long'
  tsan_suites
fi
finish
