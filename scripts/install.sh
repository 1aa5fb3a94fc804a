#!/usr/bin/env bash
# Installs what scripts/build.sh built below $DESTDIR$PREFIX (default: /usr/local for root, else ~/.local), and says what.
#
#   scripts/install.sh [--uninstall]
set -eu
. "$(dirname "$0")/lib/common.sh"

if [ -z "${PREFIX:-}" ]; then
    if [ "$(id -u)" = 0 ]; then PREFIX=/usr/local; else PREFIX=$HOME/.local; fi
fi
target=${DESTDIR:-}$PREFIX
completions=(share/bash-completion/completions/headwater share/zsh/site-functions/_headwater
    share/fish/vendor_completions.d/headwater.fish)
schema=share/headwater/headwater.schema.json
documents=share/doc/headwater

if [ "${1:-}" = --uninstall ]; then
    for file in bin/headwater bin/headwater-agent "${completions[@]}" "$schema"; do
        [ ! -e "$target/$file" ] || { rm -- "$target/$file" && say "removed $target/$file"; }
    done
    for name in LICENSE NOTICE README.md CHANGELOG.md; do rm -f -- "$target/$documents/$name"; done
    # Only what is empty now, and only what is ours.
    for directory in "$documents" share/headwater; do
        if [ -d "$target/$directory" ]; then rmdir --ignore-fail-on-non-empty "$target/$directory"; fi
    done
    exit 0
fi
[ $# = 0 ] || fail "unknown argument: $1"

bin=${HEADWATER_BIN_DIR:-$("$root_directory/scripts/build.sh" --show-bin-path)}
for program in headwater headwater-agent; do
    [ -x "$bin/$program" ] || fail "$bin/$program is not there: run make build"
done
install -d "$target/bin" "$target/$documents" "$target/share/headwater"
# The orchestrator finds its agent beside itself.
install -m 755 "$bin/headwater" "$bin/headwater-agent" "$target/bin/"
install -m 644 "$root_directory"/{LICENSE,NOTICE,README.md,CHANGELOG.md} "$target/$documents/"
say "installed headwater and headwater-agent in $target/bin"

# generated FILE COMMAND...: what the program itself prints, whole or not at all.
generated() {
    local file=$target/$1
    shift
    install -d "$(dirname "$file")"
    "$bin/headwater" "$@" >"$file.new" || { rm -f "$file.new"; fail "headwater $* failed"; }
    chmod 644 "$file.new"
    mv "$file.new" "$file"
}
index=0
for shell in bash zsh fish; do
    generated "${completions[$index]}" completions "$shell"
    say "installed the completions of $shell in $target/${completions[$index]}"
    index=$((index + 1))
done
generated "$schema" schema
say "installed the JSON schema of topology files in $target/$schema"
case ":$PATH:" in
*":$PREFIX/bin:"*) ;;
*) [ -n "${DESTDIR:-}" ] || say "$PREFIX/bin is not on your PATH; add it to use them by name" ;;
esac
if [ -z "${DESTDIR:-}" ] && [ "$PREFIX" != /usr ] && [ "$PREFIX" != /usr/local ]; then
    say "for zsh, put $PREFIX/share/zsh/site-functions on fpath before compinit"
fi
