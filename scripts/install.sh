#!/usr/bin/env bash
# Installs what scripts/build.sh built below $DESTDIR$PREFIX (default: /usr/local for root, else ~/.local).
set -eu
. "$(dirname "$0")/lib/common.sh"

if [ -z "${PREFIX:-}" ]; then
    if [ "$(id -u)" = 0 ]; then PREFIX=/usr/local; else PREFIX=$HOME/.local; fi
fi
bin=$("$root_directory/scripts/build.sh" --show-bin-path)
target=${DESTDIR:-}$PREFIX
install -d "$target/bin" "$target/share/doc/headwater"
# The orchestrator finds its agent beside itself.
install -m 755 "$bin/headwater" "$bin/headwater-agent" "$target/bin/"
install -m 644 "$root_directory"/{LICENSE,NOTICE,README.md,CHANGELOG.md} "$target/share/doc/headwater/"
say "installed headwater and headwater-agent in $target/bin"
case ":$PATH:" in
*":$PREFIX/bin:"*) ;;
*) [ -n "${DESTDIR:-}" ] || say "$PREFIX/bin is not on your PATH; add it to use them by name" ;;
esac
