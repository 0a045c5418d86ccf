#!/usr/bin/env bash
# The part of run.sh that runs in the new system, as its first process: inside.sh run|test. Only ./dev installs packages.
set -euo pipefail
cd /probegate

fail() {
  printf 'fresh: %s\n' "$*"
  exit 1
}

# Starts ./dev run, runs the command that it suggests, and ends it with SIGINT.
try_run() {
  local output=/tmp/run.log seconds command pid status=0
  # A background job of a script ignores SIGINT by default, unlike a command that is started at a prompt.
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
  [[ $status == 0 ]] || fail "./dev run did not print a command to try ($status)"
  printf 'fresh: trying %s\n' "$command"
  command=$(bash -c "$command" 2>&1) || fail "the command failed: $command"
  printf '%s\n' "$command"
  [[ $command =~ 20000000:\ +[0-9a-f]{8} ]] || fail 'the command did not print memory'
  kill -INT "$pid"
  for ((seconds = 0; seconds < 60; ++seconds)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 1
  done
  ! kill -0 "$pid" 2>/dev/null || fail './dev run did not end within 60 s of SIGINT'
  wait "$pid" || fail "./dev run exited with $? on SIGINT"
}

case $1 in
  run) try_run ;;
  test) ./dev test ;;
esac
