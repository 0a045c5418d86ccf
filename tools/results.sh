# shellcheck shell=bash
# Runs suites and keeps one count of what passed and failed in all of them. Every suite writes a JUnit file. One that ends
# without, or with a bad status though the file names no failure, counts as one failure.

passed=0
failed=0
failed_suites=()

# run_suite name junit-file command…
run_suite() {
  local name=$1 junit=$2 status=0
  shift 2
  say "$name"
  mkdir -p "${junit%/*}"
  rm -f "$junit"
  "$@" || status=$?
  count_junit "$name" "$junit" "$status"
}

count_junit() {
  local name=$1 junit=$2 status=$3 suite='' good bad
  if [[ -f $junit && $(<"$junit") =~ \<testsuite[[:space:]]([^>]*) ]]; then
    suite=" ${BASH_REMATCH[1]}"
  elif ((status == 0)); then
    status=1
  fi
  bad=$(($(attribute "$suite" failures) + $(attribute "$suite" errors)))
  good=$(($(attribute "$suite" tests) - $(attribute "$suite" disabled) - $(attribute "$suite" skipped) - bad))
  ((status == 0 || bad > 0)) || bad=1
  passed=$((passed + good))
  failed=$((failed + bad))
  ((bad == 0)) || failed_suites+=("$name")
}

# attribute element name: the number, or 0.
attribute() {
  [[ $1 =~ [[:space:]]$2=\"([0-9]+)\" ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

# build_for name preset: a build that fails is a failure of that name, and ends nothing else.
build_for() {
  (build "$2") && return
  failed=$((failed + 1))
  failed_suites+=("$1: the build of the preset $2")
  return 1
}

# The closing line; the status says whether all passed.
finish() {
  local suite
  for suite in "${failed_suites[@]}"; do say "failed: $suite"; done
  echo "$passed passed, $failed failed"
  ((failed == 0))
}
