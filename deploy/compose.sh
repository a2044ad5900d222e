#!/bin/sh
# `make up` and `make down`: works with Compose as Docker's plugin (v2) and as the older docker-compose command (v1).
#   compose.sh up      build, start, and wait until the gateway is healthy
#   compose.sh down    stop and remove
set -eu
cd "$(dirname "$0")/.."

if docker compose version >/dev/null 2>&1; then compose="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then compose="docker-compose"
else echo "Docker with Compose is needed: https://docs.docker.com/compose/install/" >&2; exit 1
fi
docker info >/dev/null 2>&1 || { echo "The Docker engine does not answer; is it running, and may you use it?" >&2; exit 1; }

case "${1:-}" in
  up)
    $compose up --build --detach
    gateway=$($compose ps -q gateway)
    tries=0
    until [ "$(docker inspect -f '{{.State.Health.Status}}' "$gateway")" = healthy ]; do
      tries=$((tries + 1))
      [ "$tries" -lt 120 ] || { $compose ps; $compose logs --tail 20; echo "The gateway is not healthy after 2 minutes." >&2; exit 1; }
      sleep 1
    done
    $compose ps
    echo "Safelight is serving on 127.0.0.1:50050. Try: .venv/bin/safelight generate \"A dog in a suit\" --out out"
    ;;
  down) $compose down ;;
  *) echo "usage: compose.sh up|down" >&2; exit 2 ;;
esac
