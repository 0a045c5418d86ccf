# shellcheck shell=bash
if (($# == 0)); then
  rm -rf build
fi
for preset in "$@"; do
  [[ $preset != */* ]] || die "'$preset' is not a preset's name"
  rm -rf "build/$preset"
done
