#!/bin/sh
# Publishes a tree to every machine of a topology, from cron or a release job:
#
#   examples/publish.sh site.yaml
#
# Checks the file first, offline; then brings all peers in step. Whoever calls this needs only the exit code: 0 all in step,
# 75 try again later, 1 a person should look (what happened stands on standard error and in the log).
set -u
topology=${1:?usage: publish.sh TOPOLOGY}
log=${XDG_STATE_HOME:-$HOME/.local/state}/headwater-publish.log

headwater validate "$topology" || exit 1
mkdir -p "$(dirname "$log")"
headwater run "$topology" --log-file "$log"
case $? in
0) exit 0 ;;
7 | 8) exit 75 ;;                                           # unreachable, or another run is under way
6) # Lists each halt with its cause, and the command that permits it.
    headwater release "$topology" >&2
    exit 1
    ;;
*) exit 1 ;;
esac
