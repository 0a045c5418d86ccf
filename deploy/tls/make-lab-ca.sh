#!/usr/bin/env bash
# Makes the certificates of a lab: an authority of its own, and with it certificates for servers and for clients. It only
# runs openssl, and shows each command that it runs. docs/tls.md explains the options of Probegate that use the files.
#
# If your organization has an authority that issues certificates, use that one instead.
set -euo pipefail

usage() {
  cat <<'END'
usage: make-lab-ca.sh [--dir DIR] [--days N] [--owner USER] COMMAND

  ca [NAME]               make the authority, with this name (default: Lab CA)
  server NAME [ALIAS…]    make a certificate for a server. NAME and each ALIAS are host names or IP addresses
                          that clients use to connect to it
  client NAME [ALIAS…]    make a certificate for a user, a gateway or a CI job. An ALIAS is an e-mail address, a host
                          name or a SPIFFE ID, and comes before NAME in what Probegate takes as the identity
  renew NAME…             replace these certificates and their keys by new ones, for the same names
  revoke NAME…            revoke all certificates that were made for these names
  list                    show all certificates, and until when they are valid

  --dir DIR               the folder for everything (default: lab-ca)
  --days N                for how long a new certificate is valid (default: 365)
  --owner USER            who owns a new key, such as 65532 for containers; needs root

A command whose result exists already changes nothing. A certificate that was revoked, that expires within 30 days, or whose
names have changed is replaced.

  DIR/ca.crt              the authority: --tls-ca and --tls-client-ca
  DIR/NAME.crt, NAME.key  a certificate and its private key: --tls-cert and --tls-key
  DIR/crls/               the revocation list: --tls-crl-dir
  DIR/private/            the authority's private key and its records. Keep this folder away from other machines: anyone who
                          has the key can pretend to be any server or client
END
}

readonly ca_days=3650 renew_within=$((30 * 24 * 3600))

fail() {
  printf 'make-lab-ca.sh: %s\n' "$*" >&2
  exit 1
}

misused() {
  printf 'make-lab-ca.sh: %s; --help shows the commands\n' "$*" >&2
  exit 2
}

say() { printf '%s\n' "$*"; }

# Shows an openssl command and runs it. Its output is shown only if it fails.
run() {
  local output
  say "+ openssl $*"
  output=$(openssl "$@" 2>&1) || fail "openssl failed: $output"
}

# The revocation list has no end of its own, for practical purposes: when it expires, servers refuse everyone.
authority_settings() {
  cat <<END
[ca]
default_ca = lab
[lab]
database = private/index.txt
new_certs_dir = private/issued
certificate = private/ca.crt
private_key = private/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = $ca_days
policy = any
[any]
commonName = supplied
END
}

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

make_authority() {
  if [[ -e ca.crt ]]; then
    say "ca.crt: exists already, valid until $(expiry_of ca.crt)"
    return
  fi
  mkdir -p private/issued crls
  chmod 700 private
  authority_settings >private/ca.cnf
  : >private/index.txt
  run req -x509 "${new_key[@]}" -keyout private/ca.key -out private/ca.crt -days "$ca_days" -subj "/CN=${1:-Lab CA}" \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
  write_revocations
  cp private/ca.crt ca.crt
  say "ca.crt: new, valid until $(expiry_of ca.crt)"
}

# The list is replaced at once, so that a server that looks at it always finds one.
write_revocations() {
  run ca -config private/ca.cnf -gencrl -out crls/lab.new
  mv crls/lab.new crls/lab.pem
  compgen -G 'crls/*.r0' >/dev/null || run rehash crls
}

# The subject alternative name that a word stands for.
san_of() {
  case $1 in
    *[!A-Za-z0-9.*:@/_+-]*) misused "$1: not a host name, an IP address, an e-mail address or a SPIFFE ID" ;;
    *://*) printf 'URI:%s' "$1" ;;
    *@*) printf 'email:%s' "$1" ;;
    *:*) printf 'IP:%s' "$1" ;;
    *[!0-9.]*) printf 'DNS:%s' "$1" ;;
    *) printf 'IP:%s' "$1" ;;
  esac
}

# The extensions of a certificate. A server's may also be used to connect, because probegate-debugd does both.
extensions_of() {
  local kind=$1 words=("${@:2}") word san sans=()
  [[ $kind == server ]] || words=("${@:3}")
  for word in "${words[@]}"; do
    san=$(san_of "$word") || exit
    sans+=("$san")
  done
  say 'basicConstraints = critical, CA:FALSE'
  say 'keyUsage = critical, digitalSignature'
  case $kind in
    server) say 'extendedKeyUsage = serverAuth, clientAuth' ;;
    client) say 'extendedKeyUsage = clientAuth' ;;
  esac
  ((${#sans[@]} == 0)) || say "subjectAltName = $(IFS=,; echo "${sans[*]}")"
}

expiry_of() { openssl x509 -in "$1" -noout -enddate | cut -d= -f2; }

is_revoked() {
  local serial
  serial=$(openssl x509 -in "$1" -noout -serial | cut -d= -f2)
  awk -F '\t' -v serial="$serial" '$1 == "R" && $4 == serial { found = 1 } END { exit !found }' private/index.txt
}

is_usable() {
  [[ -e $1.crt && -e $1.key ]] && openssl x509 -in "$1.crt" -noout -checkend "$renew_within" >/dev/null && ! is_revoked "$1.crt"
}

check_name() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ && $1 != ca ]] || misused "'$1' cannot be the name of a certificate"
}

# Makes a key and a certificate with the extensions in private/NAME.ext. The new files replace old ones at once.
issue() {
  local name=$1
  run req "${new_key[@]}" -keyout private/new.key -out private/new.csr -subj "/CN=$name"
  run ca -batch -config private/ca.cnf -notext -in private/new.csr -out private/new.crt -extfile "private/$name.ext" \
    -days "$days"
  chmod 600 private/new.key
  [[ -z $owner ]] || chown "$owner" private/new.key || fail "cannot give $name.key to $owner; run this as root"
  mv private/new.key "$name.key"
  mv private/new.crt "$name.crt"
  rm private/new.csr
  say "$name.crt, $name.key: new, valid until $(expiry_of "$name.crt")"
}

make_certificate() {
  local kind=$1 name=$2 wanted
  check_name "$name"
  wanted=$(extensions_of "$@") || exit
  if [[ -e private/$name.ext && $(<"private/$name.ext") == "$wanted" ]] && is_usable "$name"; then
    say "$name.crt: exists already, valid until $(expiry_of "$name.crt")"
    return
  fi
  printf '%s\n' "$wanted" >"private/$name.ext"
  issue "$name"
}

need_certificate() { [[ -e private/$1.ext ]] || fail "no certificate was made for $1; make-lab-ca.sh list shows all"; }

revoke() {
  local name=$1 serial
  while read -r serial; do
    run ca -config private/ca.cnf -revoke "private/issued/$serial.pem"
  done < <(awk -F '\t' -v subject="/CN=$name" '$1 == "V" && $6 == subject { print $4 }' private/index.txt)
  say "$name: revoked"
}

list() {
  local file name state
  for file in private/*.ext; do
    name=$(basename "$file" .ext)
    [[ -e $name.crt ]] || continue
    state="valid until $(expiry_of "$name.crt")"
    ! is_revoked "$name.crt" || state=revoked
    printf '%-20s %s\n' "$name" "$state"
  done
}

dir=lab-ca days=365 owner=
while [[ ${1-} == -* ]]; do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    --dir | --days | --owner)
      (($# > 1)) || misused "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) misused "unknown option $1" ;;
  esac
done
[[ $days =~ ^[1-9][0-9]*$ ]] || misused "--days $days: not a number of days"
command=${1-}
shift || misused 'no command'
case $command in
  server | client | renew | revoke) (($# > 0)) || misused "$command needs a NAME" ;;
  ca | list) ;;
  *) misused "unknown command $command" ;;
esac
command -v openssl >/dev/null || fail 'openssl is not installed'

# Everything is public except for the keys and private/.
umask 022
[[ $command == ca || -e $dir/ca.crt ]] || fail "there is no authority in $dir; make it first: make-lab-ca.sh --dir $dir ca"
mkdir -p "$dir"
cd "$dir"
# Only one at a time.
exec 9<.
flock 9

case $command in
  ca) make_authority "$@" ;;
  server | client) make_certificate "$command" "$@" ;;
  renew)
    for name in "$@"; do
      need_certificate "$name"
      issue "$name"
    done
    ;;
  revoke)
    for name in "$@"; do
      need_certificate "$name"
      revoke "$name"
    done
    write_revocations
    ;;
  list) list ;;
esac
