# shellcheck shell=bash
(($# <= 1)) || die 'usage: ./dev build [preset]'
preset=${1:-dev}
need_packages build
[[ $preset != fuzz ]] || need_packages clang
build "$preset"
