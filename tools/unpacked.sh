# shellcheck shell=bash
# Unpacks Debian packages that tests need under build/ instead of installing them: Prometheus, because installing it would
# start a daemon, and kustomize of the next release, because Debian 12's is too old for deploy/kubernetes/. Expects
# tools/lib.sh.

readonly prometheus=build/prometheus
readonly kustomize=build/kustomize

# Provides $prometheus/usr/bin/prometheus and promtool, and $kustomize/usr/bin/kustomize, unless they exist.
need_unpacked() {
  need_unpacked_package prometheus "$prometheus" '' promtool --version
  need_unpacked_package kustomize "$kustomize" trixie kustomize version
}

# need_unpacked_package package directory release program arguments…: unpacks the package unless that has been done, from
# another release if `release` is not empty, and runs the program to check that it works.
need_unpacked_package() {
  local package=$1 directory=$2 release=$3 program=$4
  [[ ! -x $directory/usr/bin/$program ]] || return 0
  say "unpacking Debian's $package into $directory"
  local new=$directory.new log=build/$package.log
  rm -rf "$directory" "$new"
  mkdir -p "$new"
  : >"$log"
  local options=(-o APT::Sandbox::User=root) # apt's own user cannot write there
  if [[ $release ]]; then
    release_options "$new/apt" "$release"
    apt-get "${options[@]}" update >>"$log" 2>&1 || unpack_failed "apt-get update, for $release" "$log"
  fi
  if ! (cd "$new" && apt-get "${options[@]}" download "$package") >>"$log" 2>&1; then
    # The package lists may be missing, or older than the archive.
    [[ $release ]] || update_package_lists >>"$log" 2>&1 || true
    (cd "$new" && apt-get "${options[@]}" download "$package") >>"$log" 2>&1 ||
      unpack_failed "apt-get download $package" "$log"
  fi
  dpkg -x "$new/$package"_*.deb "$new" >>"$log" 2>&1 || unpack_failed "dpkg -x $new/${package}_*.deb $new" "$log"
  rm -rf "$new/$package"_*.deb "$new/apt"
  "$new/usr/bin/$program" "${@:5}" >>"$log" 2>&1 || unpack_failed "$new/usr/bin/$program ${*:5}" "$log"
  mv "$new" "$directory"
}

# release_options directory release: adds options to `options` that make apt use only this release's packages, from the
# mirror that this system uses, and keep its package lists in the directory.
release_options() {
  local directory=$PWD/$1 release=$2 mirror='' row
  # shellcheck disable=SC2016 # apt expands the variables
  while read -r row; do
    [[ $row != *' bookworm main' ]] || mirror=${row%% *}
  done < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Identifier: Packages')
  mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial"
  [[ $mirror ]] || die "apt has no source for Debian 12 main, from whose mirror $release's packages would come"
  echo "deb $mirror $release main" >"$directory/sources.list"
  options+=(-o "Dir::Etc::SourceList=$directory/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$directory/lists" -o "Dir::Cache=$directory/cache")
}

update_package_lists() {
  local update=(apt-get -o DPkg::Lock::Timeout=300 update)
  ((EUID == 0)) || update=(sudo "${update[@]}")
  "${update[@]}"
}

unpack_failed() {
  tail -n 20 "$2" >&2
  die "failed: $1; the full log is $2. If apt does not know the package, run apt-get update as root"
}
