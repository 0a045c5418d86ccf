# shellcheck shell=bash
need_packages lint
mapfile -t sources < <(sources_of '*.c' '*.cc' '*.h')
clang-format-19 -i "${sources[@]}"
