# shellcheck shell=bash
# Runs test suites and counts what passed and failed in all of them. Every suite writes a JUnit file. A suite that writes
# none, or that exits with a nonzero status although its file has no failure, counts as one failure.

passed=0
failed=0
failed_suites=()
failed_files=()

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
  ((bad == 0)) && return
  failed_suites+=("$name")
  [[ ! -f $junit ]] || failed_files+=("$junit")
}

# attribute element name: prints the number, or 0 if the attribute is missing.
attribute() {
  [[ $1 =~ [[:space:]]$2=\"([0-9]+)\" ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

# build_for name preset: if the build fails, counts it as a failure of the suite `name`; other suites still run.
build_for() {
  (build "$2") && return
  failed=$((failed + 1))
  failed_suites+=("$1: the build of the preset $2")
  return 1
}

# Prints what failed, and the closing line. The exit status says whether everything passed.
finish() {
  local suite
  for suite in "${failed_suites[@]}"; do say "failed: $suite"; done
  ((${#failed_files[@]} == 0)) || /usr/bin/python3 tools/failed_tests.py "${failed_files[@]}" >&2 || true
  echo "$passed passed, $failed failed"
  ((failed == 0))
}
