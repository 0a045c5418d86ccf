# shellcheck shell=bash
# Functions that tasks share. Before packages are installed, a fresh Debian only has bash, coreutils, find and apt, so this
# file uses nothing else.

readonly venv=build/venv
# Where the project's C and C++ sources are.
readonly source_folders=(access base broker cli config debug gateway health probe server sim telemetry tests)

say() { printf 'dev: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# need_packages group…: installs the packages of these groups in tools/packages.txt that are missing.
need_packages() {
  local group package wanted=() missing=() installed
  while read -r group package; do
    [[ " $* " != *" $group "* ]] || wanted+=("$package")
  done <tools/packages.txt
  command -v dpkg-query >/dev/null || die "this system is not Debian: no dpkg-query. Install the equivalents of: ${wanted[*]}"
  installed=$(dpkg-query -W -f '${db:Status-Status}:${Package}\n' "${wanted[@]}" 2>/dev/null) || true
  for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'"installed:$package"$'\n'* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  install_packages "${missing[@]}"
}

install_packages() {
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  local install=(apt-get install --yes --no-install-recommends)
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "installing packages needs root, and sudo is not installed. As root, run: apt-get update && ${install[*]} $*"
    as_root=(sudo "${as_root[@]}")
  fi
  say "installing $# Debian packages: $*"
  # Show the output of apt only if it fails.
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update &&
    "${as_root[@]}" "${install[@]}" -o DPkg::Lock::Timeout=300 "$@"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get failed; the full log is $log. To install by hand: apt-get update && ${install[*]} $*"
  fi
  rm -f "$log"
}

# install_locked environment file: installs exactly the files whose hashes are listed, into a virtual environment. Nothing is
# built from source, because that would download tools without hashes. tools/lock.sh writes the lists.
install_locked() {
  "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement "$2"
}

# Creates the virtual environment for tools/requirements.txt, and recreates it if that file or the location has changed.
# Uses Debian's own interpreter, because python3 in PATH may be another version.
need_venv() {
  need_packages python
  local stamp=$venv/probegate-stamp want
  want="$PWD"$'\n'$(<tools/requirements.txt)
  [[ ! -f $stamp || $(<"$stamp") != "$want" ]] || return 0
  local requirements=()
  mapfile -t requirements < <(grep -v '^#' tools/requirements.in)
  say "installing from PyPI into $venv: ${requirements[*]}"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  install_locked "$venv" tools/requirements.txt ||
    die "pip could not install tools/requirements.txt; see its messages above"
  printf '%s\n' "$want" >"$stamp"
}

# configure preset: prints CMake's output only if it fails.
configure() {
  local log=build/$1.configure.log
  mkdir -p build
  [[ ! -f build/$1/build.ninja || CMakePresets.json -nt build/$1/build.ninja ]] || return 0
  say "configuring build/$1"
  cmake --preset "$1" >"$log" 2>&1 || {
    cat "$log" >&2
    die "CMake could not configure the preset $1; see its messages above"
  }
}

# build preset [target…]: builds these targets, or the preset's own targets if none is given.
build() {
  configure "$1"
  cmake --build --preset "$1" ${2:+--target "${@:2}"}
}

# sources_of pattern…: lists the project's own files whose names match one of the patterns, one per line.
sources_of() {
  local pattern names=()
  for pattern in "$@"; do names+=(-o -name "$pattern"); done
  find "${source_folders[@]}" -type f \( "${names[@]:1}" \) | sort
}
