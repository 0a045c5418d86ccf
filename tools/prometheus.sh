# shellcheck shell=bash
# Prometheus and promtool, by which the metrics are tested. Debian's package is unpacked and not installed: installed,
# it would start a daemon. Expects tools/lib.sh.

readonly prometheus=build/prometheus

# Makes $prometheus/usr/bin/prometheus and promtool, unless they are there.
need_prometheus() {
  local tool=$prometheus/usr/bin
  [[ ! -x $tool/prometheus || ! -x $tool/promtool ]] || return 0
  say "unpacking Debian's prometheus into $prometheus"
  local new=$prometheus.new log=build/prometheus.log
  rm -rf "$prometheus" "$new"
  mkdir -p "$new"
  if ! download_package prometheus "$new" >"$log" 2>&1; then
    # Where the lists of packages are missing, or older than the archive.
    update_package_lists >>"$log" 2>&1 || true
    download_package prometheus "$new" >>"$log" 2>&1 || prometheus_failed "apt-get download prometheus" "$log"
  fi
  dpkg -x "$new"/prometheus_*.deb "$new" >>"$log" 2>&1 || prometheus_failed "dpkg -x $new/prometheus_*.deb $new" "$log"
  rm "$new"/prometheus_*.deb
  "$new/usr/bin/promtool" --version >>"$log" 2>&1 || prometheus_failed "$new/usr/bin/promtool --version" "$log"
  mv "$new" "$prometheus"
}

# download_package name directory. Root downloads as itself: apt's own user may not write there.
download_package() { (cd "$2" && apt-get -o APT::Sandbox::User=root download "$1"); }

update_package_lists() {
  local update=(apt-get -o DPkg::Lock::Timeout=300 update)
  ((EUID == 0)) || update=(sudo "${update[@]}")
  "${update[@]}"
}

prometheus_failed() {
  tail -n 20 "$2" >&2
  die "failed: $1 (the whole log: $2). If apt does not know the package: apt-get update, as root"
}
