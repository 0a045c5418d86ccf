# shellcheck shell=bash
# The test suites that the tasks test, asan and tsan run. Expects tools/lib.sh and tools/results.sh, and for pytest
# tools/unpacked.sh.

# ctest_suite name preset [ctest arguments…]
ctest_suite() {
  local name=$1 preset=$2
  build_for "$name" "$preset" || return 0
  run_suite "$name" "build/results/$preset.xml" \
    ctest --preset "$preset" --parallel "$(nproc)" --output-junit "$PWD/build/results/$preset.xml" "${@:3}"
}

# pytest_suite name preset path…: sets PROBEGATE_BIN to the directory of the programs under test, and PROBEGATE_PROMETHEUS and
# PROBEGATE_KUSTOMIZE to those of Prometheus and kustomize. soak_seconds, if set, is the duration of the test with sixteen
# clients and of the soak, which then has its full size; pyocd_versions, if set, is the directory of the virtual environments with other versions of pyOCD.
# Test files run in parallel, each in one process from its first test to its last. There is one process more than there are
# CPUs, since many tests wait for a timer of a program. The files start in the order of their names, and so with the
# containers, which take longest.
pytest_suite() {
  local name=$1 preset=$2 junit
  junit=build/results/$preset-pytest.xml
  run_suite "$name" "$junit" \
    env ${soak_seconds:+PROBEGATE_SOAK_SECONDS=$soak_seconds} \
    ${pyocd_versions:+PROBEGATE_PYOCD_VERSIONS=$pyocd_versions} \
    PROBEGATE_BIN="$PWD/build/$preset/bin" PROBEGATE_BUILD="$PWD/build/$preset" \
    PROBEGATE_PROMETHEUS="$PWD/$prometheus/usr/bin" PROBEGATE_KUSTOMIZE="$PWD/$kustomize/usr/bin" \
    PATH="$PWD/$venv/bin:$PATH" \
    "$venv/bin/python" -m pytest -q --junitxml="$junit" \
    --numprocesses $(($(nproc) + 1)) --dist loadfile --no-loadscope-reorder "${@:3}"
}

# asan_suites [pytest arguments…]
asan_suites() {
  ctest_suite 'unit tests, AddressSanitizer' asan
  pytest_suite 'real clients, AddressSanitizer' asan tests/interop "$@"
}

tsan_suites() {
  ctest_suite 'unit tests, ThreadSanitizer' tsan
}
