# shellcheck shell=bash
# Prints how many of each folder's lines and branches the unit tests cover: one table per folder, with a row per source.
# The tests are built with clang's source-based coverage. Tests with real clients do not run, so that the figures show what
# the tests at the lowest level cover.
folders=("${@:-server}")
(($# > 0)) || folders=(server gateway)
for folder in "${folders[@]}"; do
  [[ -f tests/$folder/CMakeLists.txt ]] || die "usage: ./dev coverage [folder…]; there is no tests/$folder"
done
need_packages build clang coverage
build coverage "${folders[@]/#/tests_}"

profiles=build/coverage/profiles
rm -rf "$profiles"
mkdir -p "$profiles"
LLVM_PROFILE_FILE="$PWD/$profiles/%p.profraw" ctest --preset coverage --parallel "$(nproc)" \
  --label-regex "^($(IFS="|"; echo "${folders[*]}"))\$" >build/coverage/ctest.log ||
  die "a test failed: see build/coverage/ctest.log"
llvm-profdata-19 merge --sparse "$profiles"/*.profraw -o "$profiles/all.profdata"

mapfile -t programs < <(cd build/coverage/tests && find "${folders[@]}" -type f -perm -u+x -name '*_test' -printf 'build/coverage/tests/%p\n')
objects=()
for program in "${programs[@]:1}"; do objects+=("-object=$program"); done
for folder in "${folders[@]}"; do
  say "coverage of $folder/"
  llvm-cov-19 report "${programs[0]}" "${objects[@]}" -instr-profile="$profiles/all.profdata" \
    -show-region-summary=false -show-instantiation-summary=false \
    -ignore-filename-regex='/(build|usr|tests)/' "$folder/"
done
