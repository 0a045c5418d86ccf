# shellcheck shell=bash
# Programs of Debian's that tests need and that are unpacked below build/, not installed. Prometheus would start a daemon;
# kustomize is the next release's, since Debian 12's is too old for what deploy/kubernetes/ says. Expects tools/lib.sh.

readonly prometheus=build/prometheus
readonly kustomize=build/kustomize

# Makes $prometheus/usr/bin/prometheus and promtool, and $kustomize/usr/bin/kustomize, unless they are there.
need_unpacked() {
  need_unpacked_package prometheus "$prometheus" '' promtool --version
  need_unpacked_package kustomize "$kustomize" trixie kustomize version
}

# need_unpacked_package package directory release program arguments…: unpacks it, of another release where one is named,
# unless it has been; the program is run to see that it can be.
need_unpacked_package() {
  local package=$1 directory=$2 release=$3 program=$4
  [[ ! -x $directory/usr/bin/$program ]] || return 0
  say "unpacking Debian's $package into $directory"
  local new=$directory.new log=build/$package.log
  rm -rf "$directory" "$new"
  mkdir -p "$new"
  : >"$log"
  local options=(-o APT::Sandbox::User=root) # apt's own user may not write there
  if [[ $release ]]; then
    release_options "$new/apt" "$release"
    apt-get "${options[@]}" update >>"$log" 2>&1 || unpack_failed "apt-get update, for $release" "$log"
  fi
  if ! (cd "$new" && apt-get "${options[@]}" download "$package") >>"$log" 2>&1; then
    # Where the lists of packages are missing, or older than the archive.
    [[ $release ]] || update_package_lists >>"$log" 2>&1 || true
    (cd "$new" && apt-get "${options[@]}" download "$package") >>"$log" 2>&1 ||
      unpack_failed "apt-get download $package" "$log"
  fi
  dpkg -x "$new/$package"_*.deb "$new" >>"$log" 2>&1 || unpack_failed "dpkg -x $new/${package}_*.deb $new" "$log"
  rm -rf "$new/$package"_*.deb "$new/apt"
  "$new/usr/bin/$program" "${@:5}" >>"$log" 2>&1 || unpack_failed "$new/usr/bin/$program ${*:5}" "$log"
  mv "$new" "$directory"
}

# release_options directory release: adds to `options` what makes apt see this release's packages and nothing else, with its lists
# in the directory; from the mirror that this system has.
release_options() {
  local directory=$PWD/$1 release=$2 mirror='' row
  # shellcheck disable=SC2016 # apt's variables
  while read -r row; do
    [[ $row != *' bookworm main' ]] || mirror=${row%% *}
  done < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Identifier: Packages')
  mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial"
  [[ $mirror ]] || die "apt knows no mirror of Debian 12's main, from which to take $release's packages"
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
  die "failed: $1 (the whole log: $2). If apt does not know the package: apt-get update, as root"
}
