# shellcheck shell=bash
# Runs the targets one after another, each on all CPUs, and stops at the first finding. libFuzzer prints the finding and
# leaves the input in its working directory.
seconds=${1:-300}
[[ $seconds =~ ^[0-9]+$ ]] || die "usage: ./dev fuzz [seconds] [target…]; '$seconds' is not a number of seconds"
targets=("${@:2}")
need_packages build clang
build fuzz

if ((${#targets[@]} == 0)); then
  for source in tests/fuzz/*_fuzz.cc; do
    targets+=("$(basename "$source" .cc)")
  done
fi
for target in "${targets[@]}"; do
  [[ -x build/fuzz/bin/$target ]] || die "unknown fuzz target $target; the targets are tests/fuzz/*_fuzz.cc"
  corpus=$PWD/build/fuzz/corpus/$target
  seeds=$PWD/tests/fuzz/seeds/$target
  [[ -d $seeds ]] || seeds=$corpus
  finds=build/fuzz/finds/$target
  mkdir -p "$corpus" "$finds"
  say "$target for $seconds s"
  (cd "$finds" && "$OLDPWD/build/fuzz/bin/$target" "-fork=$(nproc)" "-max_total_time=$seconds" -timeout=10 \
    "$corpus" "$seeds") || die "$target found something: see $finds"
done
