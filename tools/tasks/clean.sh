# shellcheck shell=bash
if (($# == 0)); then
  rm -rf build
fi
for preset in "$@"; do
  [[ $preset != */* ]] || die "'$preset' is not the name of a preset"
  rm -rf "build/$preset"
done
