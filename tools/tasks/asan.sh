# shellcheck shell=bash
need_packages build python test
need_venv
source tools/prometheus.sh
need_prometheus
source tools/results.sh
source tools/suites.sh
asan_suites
finish
