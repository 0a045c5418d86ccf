# shellcheck shell=bash
# Runs a simulated board, a server and a gateway. If one of them or this shell ends, all end.
#
# Each program runs in its own session, so that Ctrl-C reaches only this shell. The shell then stops the gateway before the
# server and the server before the board, so that the probe is left disconnected. If this shell is killed, the kernel
# terminates its children (PR_SET_PDEATHSIG).
source tools/ports.sh

sim_port=4441
server_port=50051
gateway_port=5555
server_metrics_port=9464
gateway_metrics_port=9465
readonly usage="./dev run [--sim-port N] [--server-port N] [--gateway-port N] [--server-metrics-port N] \
[--gateway-metrics-port N]"

# option_port option value: prints the port number, or fails with an error message.
option_port() {
  if ! [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || (($2 > 65535)); then die "$1 takes a port from 1 to 65535, not '$2'"; fi
  echo "$2"
}

while (($#)); do
  case $1 in
    --sim-port) sim_port=$(option_port "$1" "${2-}") ;;
    --server-port) server_port=$(option_port "$1" "${2-}") ;;
    --gateway-port) gateway_port=$(option_port "$1" "${2-}") ;;
    --server-metrics-port) server_metrics_port=$(option_port "$1" "${2-}") ;;
    --gateway-metrics-port) gateway_metrics_port=$(option_port "$1" "${2-}") ;;
    *) die "unknown option $1. usage: $usage" ;;
  esac
  shift 2
done

# One row per port: its program, its number, and the option that changes it.
listeners=(
  "probegate-sim $sim_port --sim-port"
  "probegate-server $server_port --server-port"
  "probegate-gateway $gateway_port --gateway-port"
  "probegate-server $server_metrics_port --server-metrics-port"
  "probegate-gateway $gateway_metrics_port --gateway-metrics-port"
)

for row in "${listeners[@]}"; do
  read -r program port option <<<"$row"
  require_free_port "$port" "$program" "$option"
done

need_packages build
need_venv
build dev programs

# The user's own profile is for other servers.
export PROBEGATE_PROFILE=none
pids=()
names=()

start() {
  setpriv --pdeathsig TERM setsid "build/dev/bin/$1" "${@:2}" &
  pids+=("$!")
  names+=("$1")
}

# Stops the programs, the last started first. A program that does not end within 10 s of SIGTERM is killed.
stop_all() {
  trap '' INT TERM HUP
  local i tenths
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || continue
    for ((tenths = 0; tenths < 100; tenths++)); do
      kill -0 "${pids[i]}" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "${pids[i]}" 2>/dev/null || true
  done
  wait
}

# Returns when the program with this metrics port is ready. Fails, which ends all programs, after 30 s or if one of them
# ends first.
wait_until_ready() {
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    if [[ $(readiness "$1" 2>/dev/null) == *' 200 '* ]]; then return; fi
    all_alive || return 0
    sleep 0.1
  done
  die "not ready within 30 s; see http://127.0.0.1:$1/readyz, and the lines above"
}

# Prints the first line of the response.
readiness() {
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 0
  printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
  head -n 1 <&3
}

all_alive() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || return 1
  done
}

trap stop_all EXIT
trap 'exit 0' INT TERM HUP

start probegate-sim --listen "127.0.0.1:$sim_port"
start probegate-server --listen "127.0.0.1:$server_port" --metrics-listen "127.0.0.1:$server_metrics_port" \
  --cmsis-dap-tcp "127.0.0.1:$sim_port"
start probegate-gateway --server "127.0.0.1:$server_port" --port "$gateway_port" \
  --metrics-listen "127.0.0.1:$gateway_metrics_port" --state build/run
wait_until_ready "$gateway_metrics_port"

uid=remote:localhost
((gateway_port == 5555)) || uid+=:$gateway_port
if all_alive; then
  printf 'Metrics: http://127.0.0.1:%s/metrics (server), http://127.0.0.1:%s/metrics (gateway)\n' \
    "$server_metrics_port" "$gateway_metrics_port"
  printf 'Try: %q commander --uid %s --target cortex_m -c "read32 0x20000000 64"\n' "$PWD/$venv/bin/pyocd" "$uid"
fi

status=0
wait -n -p ended "${pids[@]}" || status=$?
for i in "${!pids[@]}"; do
  [[ ${pids[i]} != "${ended-}" ]] || die "${names[i]} ended on its own with status $status"
done
