# shellcheck shell=bash
# Runs every part even if one fails, so that one run shows all problems. The last line names the parts that failed.
changed=
case "$*" in
  '') ;;
  --changed) changed=yes ;;
  *) die 'usage: ./dev lint [--changed]' ;;
esac
need_packages build python clang lint
need_venv
source tools/changed.sh
configure lint

mapfile -t sources < <(sources_of '*.cc')
mapfile -t formatted < <(sources_of '*.c' '*.cc' '*.h')
mapfile -t scripts < <(printf '%s\n' dev .ci/run && find deploy tools tests -name '*.sh')
if [[ $changed ]]; then
  mapfile -t sources < <(changed_sources)
  say "clang-tidy: ${#sources[@]} sources changed since $(change_base)"
fi

# clang-tidy needs the generated headers, but nothing compiled.
generated=()
for proto in proto/probegate/v1/*.proto proto/probegate/broker/v1/*.proto proto/google/rpc/*.proto proto/cc/arduino/cli/*/*.proto proto/cc/arduino/cli/*/v1/*.proto; do generated+=("${proto%.proto}.pb.h"); done

failed=()
part() {
  say "$1"
  "${@:2}" || failed+=("$1")
}

clang_tidy() {
  ((${#sources[@]} == 0)) || "$venv/bin/python" tools/tidy.py build/lint "${source_folders[*]}" "${sources[@]}"
}

part 'clang-format' clang-format-19 --dry-run --Werror "${formatted[@]}"
part 'shellcheck' shellcheck "${scripts[@]}"
part 'ruff format' "$venv/bin/ruff" format --quiet --diff .
part 'ruff' "$venv/bin/ruff" check --quiet .
part 'folder rules, style and .proto compatibility' "$venv/bin/python" -m pytest -q tests/checks tests/proto
part 'generated headers' cmake --build build/lint --target "${generated[@]}"
part 'clang-tidy and thread-safety analysis' clang_tidy

((${#failed[@]} == 0)) || die "failed: $(IFS=,; echo "${failed[*]}")"
say 'nothing found'
