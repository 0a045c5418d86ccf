# shellcheck shell=bash
need_packages lint
need_venv
mapfile -t sources < <(sources_of '*.c' '*.cc' '*.h')
clang-format-19 -i "${sources[@]}"
"$venv/bin/ruff" check --quiet --select I --fix .
"$venv/bin/ruff" format --quiet .
