#!/usr/bin/env bash
# tidy.sh build-directory source…: clang-tidy on each source, several at a time, from the compile commands there.
#
# A file that was clean is left out until it, its compile command, a header or the settings change: clang-tidy takes
# longer for a file than the compiler does.
set -euo pipefail

build=$1
shift
stamps=$build/tidy
mkdir -p "$stamps"

common=$(find base cli config gateway probe proto server sim telemetry tests \( -name '*.h' -o -name '*.proto' \) -print0 |
  sort -z | xargs -0 cat .clang-tidy tools/tidy.sh | sha256sum)

check_one() {
  local source=$1 stamp command want
  stamp=$stamps/${source//\//_}
  # A source that no target compiles is found by the checks.
  command=$(grep -F "/$source\"" "$build/compile_commands.json") || return 0
  want="$common $(sha256sum - "$source" <<<"$command")"
  [[ ! -f $stamp || $(<"$stamp") != "$want" ]] || return 0
  clang-tidy-19 --quiet -p "$build" "$source" 2> >(grep -v ' warnings\? generated\.$' >&2) || return 1
  printf '%s\n' "$want" >"$stamp"
}
export -f check_one
export build stamps common
# shellcheck disable=SC2016  # the inner shell expands it
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c 'check_one "$1"' check_one
