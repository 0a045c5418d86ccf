# shellcheck shell=bash
# Each version of pyOCD that tools/requirements-pyocd.txt names, in build/pyocd-<version>. Expects tools/lib.sh.

# Makes the virtual environments that are missing. One that pip cannot make is left out: its tests say so.
need_pyocd_versions() {
  local requirement directory
  while read -r requirement; do
    directory=build/pyocd-${requirement#pyocd==}
    [[ ! -x $directory/bin/pyocd ]] || continue
    say "installing from PyPI into $directory: $requirement"
    rm -rf "$directory"
    /usr/bin/python3 -m venv "$directory"
    install_locked "$directory" "tools/locked/${requirement/==/-}.txt" || {
      rm -rf "$directory"
      say "pip could not install $requirement; see its messages above"
    }
  done < <(grep -v '^#' tools/requirements-pyocd.txt)
}
