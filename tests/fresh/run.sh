#!/usr/bin/env bash
# Tests the last commit on a minimal Debian 12 with bash and apt, which README.md and CONTRIBUTING.md say is sufficient.
# See README.md in this folder. Needs root, git, mmdebstrap and unshare.
set -euo pipefail

readonly usage='usage: tests/fresh/run.sh [--only run|test] [--ccache DIRECTORY] [--log FILE]'
readonly here=${BASH_SOURCE[0]%/*}
readonly release=bookworm certificates=/usr/local/share/ca-certificates

die() {
  printf 'fresh: %s\n' "$*" >&2
  exit 2
}

say() { printf 'fresh: %s\n' "$*" >&2; }

tasks=(run test)
ccache=
log=
while (($#)); do
  case $1 in
    --only)
      [[ ${2-} == run || ${2-} == test ]] || die "$usage"
      tasks=("$2")
      ;;
    --ccache)
      [[ -d ${2-} ]] || die "--ccache: not a directory: '${2-}'"
      ccache=$(realpath "$2")
      ;;
    --log) log=${2:?"$usage"} ;;
    *) die "$usage" ;;
  esac
  shift 2
done

((EUID == 0)) || die 'must run as root, in order to mount file systems'
for program in git mmdebstrap unshare; do
  command -v "$program" >/dev/null || die "$program is not installed. On Debian: apt-get install git mmdebstrap util-linux"
done
repository=$(git -C "$here" rev-parse --show-toplevel)
commit=$(git -C "$repository" rev-parse HEAD)
readonly repository commit

work=$(mktemp -d "${TMPDIR:-/var/tmp}/probegate-fresh.XXXXXX")
readonly work root=$work/root
readonly log=${log:-$work.log}
inside=

# isolated command…: runs the command in new mount and process namespaces, so that its mounts and processes disappear when
# it or this script ends, even if it is killed. Its output goes to the log.
isolated() {
  local status=0
  unshare --mount --pid --ipc --fork --kill-child --mount-proc "$@" >>"$log" 2>&1 &
  inside=$!
  wait "$inside" || status=$?
  inside=
  return "$status"
}

clean_up() {
  if [[ $inside ]]; then
    kill -KILL "$inside" 2>/dev/null || true
    wait "$inside" 2>/dev/null || true
  fi
  # The killed processes may still be writing files, so try again if this fails.
  rm -rf --one-file-system "$work" 2>/dev/null || { sleep 1 && rm -rf --one-file-system "$work"; }
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Prints the sources.list entries of the release that this machine uses.
sources() {
  local rows
  # shellcheck disable=SC2016 # apt's variables
  rows=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    grep -E " $release(-updates|-security)? main$" | sort -u) || true
  [[ $rows == *" $release main"* ]] || rows="deb http://deb.debian.org/debian $release main"
  printf '%s\n' "$rows"
}

# Copies this machine's certificates and its settings for pip and the network.
copy_settings() {
  local path
  mkdir -p "$root$certificates"
  for path in "$certificates"/*.crt; do
    [[ ! -f $path ]] || cp "$path" "$root$certificates/"
  done
  for path in /etc/pip.conf /etc/resolv.conf /etc/hosts; do
    [[ ! -f $path ]] || cp --dereference "$path" "$root$path"
  done
}

make_root() {
  local options=(--variant=apt) setting
  while read -r setting; do
    options+=(--aptopt="$setting")
  done < <(apt-config dump | grep -E '^Acquire::(Check-(Valid-Until|Date)|https?::[Pp]roxy) ' || true)
  sources >"$work/sources.list"
  isolated env TMPDIR="$work" mmdebstrap --quiet "${options[@]}" "$release" "$root" "$work/sources.list"
}

# Clones the repository, as a user would, so that only committed files are there.
copy_tree() {
  git clone --quiet --no-local "$repository" "$root/probegate"
  git -C "$root/probegate" -c advice.detachedHead=false checkout --quiet "$commit"
  cp "$here/inside.sh" "$root/inside.sh"
}

# enter task: runs inside.sh in the new system. The exit status is that of the task.
enter() {
  local environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8) name
  for name in $(compgen -e | grep -E '^(PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|https?_proxy|no_proxy)$'); do
    environment+=("$name=${!name}")
  done
  # shellcheck disable=SC2016 # for the shell inside
  isolated bash -euc '
    root=$1 ccache=$2 task=$3
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev/shm"
    if [[ $ccache ]]; then
      mkdir -p "$root/root/.cache/ccache"
      mount --bind "$ccache" "$root/root/.cache/ccache"
    fi
    wheels=${PIP_FIND_LINKS-}
    if [[ -d $wheels ]]; then
      mkdir -p "$root$wheels"
      mount --bind "$wheels" "$root$wheels"
    fi
    exec env --ignore-environment "${@:4}" chroot "$root" bash /inside.sh "$task"
  ' bash "$root" "$ccache" "$1" "${environment[@]}"
}

say "the log is $log"
: >"$log"
say "creating a minimal Debian"
make_root || die "mmdebstrap failed: see $log"
copy_settings
copy_tree

results=()
failed=
for task in "${tasks[@]}"; do
  say "./dev $task"
  start=$SECONDS
  result=ok
  enter "$task" || {
    result=failed
    failed=yes
  }
  results+=("./dev $task $result in $((SECONDS - start)) s")
done
printf 'fresh: %s: %s\n' "${commit:0:7}" "$(printf '%s; ' "${results[@]}" | sed 's/; $//')"
[[ -z $failed ]] || die "see $log"
