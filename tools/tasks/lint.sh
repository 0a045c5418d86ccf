# shellcheck shell=bash
# Every part runs, so that one run shows all there is to mend; the closing line names what failed.
need_packages build python clang lint
need_venv
configure lint

mapfile -t sources < <(sources_of '*.cc')
mapfile -t formatted < <(sources_of '*.c' '*.cc' '*.h')
mapfile -t scripts < <(printf '%s\n' dev .ci/run && find deploy tools tests -name '*.sh')
mapfile -t python_files < <(find deploy tools tests -name '*.py')

# The compile commands need the generated headers, and nothing compiled.
generated=()
for proto in proto/probegate/v1/*.proto proto/google/rpc/*.proto proto/cc/arduino/cli/*/*.proto; do generated+=("${proto%.proto}.pb.h"); done

failed=()
part() {
  say "$1"
  "${@:2}" || failed+=("$1")
}

python_syntax() { "$venv/bin/python" -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' "$@"; }

part 'clang-format' clang-format-19 --dry-run --Werror "${formatted[@]}"
part 'shellcheck' shellcheck "${scripts[@]}"
part 'Python syntax' python_syntax "${python_files[@]}"
part 'folder rules, style and .proto compatibility' "$venv/bin/python" -m pytest -q tests/checks tests/proto
part 'generated headers' cmake --build build/lint --target "${generated[@]}"
part 'clang-tidy and thread-safety analysis' tools/tidy.sh build/lint "${sources[@]}"

((${#failed[@]} == 0)) || die "failed: $(IFS=,; echo "${failed[*]}")"
say 'nothing to mend'
