#include "cli/completion/shell_scripts.h"

namespace probegate {

const std::array<ShellScript, 3> kShellScripts = {{
    {"bash", R"script(# Completion of probegate for bash. To try it: source <(probegate completion bash)
_probegate() {
  local kind word help
  COMPREPLY=()
  {
    read -r kind
    while IFS=$'\t' read -r word help; do COMPREPLY+=("$word"); done
  } < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case $kind in
    files) compopt -o default ;;
    command) _probegate_command ;;
  esac
}
# Completes the command after `--`.
_probegate_command() {
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i]} == -- ]] && break; done
  if declare -F _command_offset >/dev/null; then
    _command_offset $((i + 1))
  elif ((i + 1 == COMP_CWORD)); then
    mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else
    compopt -o default
  fi
}
complete -F _probegate probegate
)script"},
    {"zsh", R"script(#compdef probegate
# Completion of probegate for zsh. To try it: source <(probegate completion zsh)
_probegate() {
  local -a lines candidates
  local marker
  lines=("${(@f)$("$words[1]" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case $lines[1] in
    files) _files ;;
    command)
      # Completes the command after `--`.
      marker=${words[(i)--]}
      words=("${(@)words[marker + 1,-1]}")
      (( CURRENT -= marker ))
      _normal
      ;;
    *)
      # _describe wants WORD:HELP.
      candidates=("${(@)${(@)lines[2,-1]//:/\\:}/$'\t'/:}")
      _describe 'probegate' candidates
      ;;
  esac
}
if [[ $funcstack[1] == _probegate ]]; then
  _probegate "$@"
else
  compdef _probegate probegate
fi
)script"},
    {"fish", R"script(# Completion of probegate for fish. To try it: probegate completion fish | source
function __probegate_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l lines ($program complete -- $words "$(commandline -ct)" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case command
            # Completes the command after `--`.
            complete -C (string replace -r -- '^.*? -- +' '' (commandline -cp))
        case '*'
            string join \n -- $lines[2..]
    end
end
complete -c probegate -f -a '(__probegate_complete)'
)script"},
}};

}  // namespace probegate
