# shellcheck shell=bash
# Builds the images without pulling any: from Debian packages, with the programs in build/release or compiled during the
# image build.
compiled=
case "$*" in
  '') ;;
  --compiled) compiled=yes ;;
  *) die 'usage: ./dev docker [--compiled]' ;;
esac
command -v docker >/dev/null || die 'docker is not installed. On Debian: apt-get install docker.io'
docker info >/dev/null 2>&1 || die 'the Docker engine does not answer; run: docker info'
need_packages containers
compose=(docker-compose)
! docker compose version >/dev/null 2>&1 || compose=(docker compose)
compose+=(-f docker-compose.yml -f deploy/docker/local.yml)

say 'making the base image'
deploy/docker/local-base.sh probegate-base:bookworm
if [[ $compiled ]]; then
  export PROBEGATE_PROGRAMS=compiled
else
  need_packages build
  build release
  deploy/docker/programs-image.sh build/release probegate-programs:local
fi
"${compose[@]}" build sim server gateway debugd prometheus cli
printf 'Start them: %s up\n' "${compose[*]}"
