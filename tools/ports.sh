# shellcheck shell=bash
# Finds the program that listens on a TCP port, from /proc, because a fresh Debian has neither ss nor lsof.

# require_free_port port program option: if the port is in use, exits with a message that names the port, the program that
# uses it, and the option that selects another.
require_free_port() {
  local inode holder
  inode=$(listening_inode "$1")
  [[ $inode ]] || return 0
  holder=$(socket_holder "$inode")
  die "port $1, which $2 would listen on, is in use${holder:+ by $holder}. Choose another: ./dev run $3 N"
}

# Prints the inode of a listening socket that would prevent binding the port on 127.0.0.1; nothing if there is none.
listening_inode() {
  local port table address state inode
  printf -v port '%04X' "$1"
  for table in /proc/net/tcp /proc/net/tcp6; do
    [[ -r $table ]] || continue
    while read -r _ address _ state _ _ _ _ _ inode _; do
      [[ $state == 0A && $address =~ ^(0100007F|0+|0{16}FFFF00000100007F):$port$ ]] || continue
      echo "$inode"
      return
    done <"$table"
  done
}

# Prints "name (pid N)" if this user is allowed to see the process.
socket_holder() {
  local link pid command
  link=$(find /proc/[0-9]*/fd -lname "socket:\[$1\]" -print -quit 2>/dev/null) || true
  [[ $link =~ ^/proc/([0-9]+)/ ]] || return 0
  pid=${BASH_REMATCH[1]}
  # Use the first argument, because the kernel truncates its own name for the process to 15 characters.
  read -r -d '' command <"/proc/$pid/cmdline" || true
  echo "${command##*/} (pid $pid)"
}
