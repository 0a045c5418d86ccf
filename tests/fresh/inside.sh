#!/usr/bin/env bash
# What run.sh has done in the new system, as its first process: inside.sh run|test. Nothing is installed but what ./dev installs.
set -euo pipefail
cd /probegate

fail() {
  printf 'fresh: %s\n' "$*"
  exit 1
}

# ./dev run, until it says what to try; then that, and Ctrl-C.
try_run() {
  local output=/tmp/run.log seconds command pid status=0
  # What is started in the background would ignore SIGINT, unlike what somebody starts at a prompt.
  env --default-signal=INT ./dev run >"$output" 2>&1 &
  pid=$!
  for ((seconds = 0; ; ++seconds)); do
    command=$(sed -n 's/^Try: //p' "$output")
    [[ -z $command ]] || break
    kill -0 "$pid" 2>/dev/null || status=gone
    [[ $status == 0 ]] || break
    ((seconds < 7200)) || status=late
    sleep 1
  done
  cat "$output"
  [[ $status == 0 ]] || fail "./dev run never said what to try ($status)"
  printf 'fresh: trying %s\n' "$command"
  command=$(bash -c "$command" 2>&1) || fail "it failed: $command"
  printf '%s\n' "$command"
  [[ $command =~ 20000000:\ +[0-9a-f]{8} ]] || fail 'it printed no memory'
  kill -INT "$pid"
  for ((seconds = 0; seconds < 60; ++seconds)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 1
  done
  ! kill -0 "$pid" 2>/dev/null || fail './dev run did not end within 60 s of SIGINT'
  wait "$pid" || fail "./dev run ended with $? on SIGINT"
}

case $1 in
  run) try_run ;;
  test) ./dev test ;;
esac
