# shellcheck shell=bash
# Finds what has changed since the last release tag, or in the last 20 commits if there is no tag. Expects tools/lib.sh.

change_base() {
  git describe --tags --abbrev=0 2>/dev/null || git rev-parse --verify --quiet HEAD~20 || git rev-list --max-parents=0 HEAD
}

# changed_sources: prints each source that has changed and, for each changed header, the source of the same name or, if there
# is none, one source that includes it. One path per line.
changed_sources() {
  local path source
  git diff --name-only --diff-filter=d "$(change_base)" -- "${source_folders[@]}" | while read -r path; do
    case $path in
      *.cc) echo "$path" ;;
      *.h)
        source=${path%.h}.cc
        [[ -f $source ]] || source=$(grep -rlF --include='*.cc' "\"$path\"" "${source_folders[@]}" | sort | head -n 1)
        [[ -z $source ]] || echo "$source"
        ;;
    esac
  done | sort -u
}
