#!/usr/bin/env bash
# A real directory to four peers behind four real SSH servers on this machine, compared by tools that know nothing of
# Headwater, then a second run that moves only what changed.
#
#   DEMO_SOURCE=/some/directory scripts/demo.sh
#
# Works in a temporary directory on a copy; nothing of yours is read but the source, nothing is changed at all.
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/sshd.sh"
cd "$root_directory"

peers=(berlin dublin tokyo quito)
bin=${HEADWATER_BIN_DIR:-$(scripts/build.sh --show-bin-path)}
work=$(mktemp -d "${TMPDIR:-/tmp}/headwater-demo-XXXXXX")

finish() {
    local status=$? peer process
    trap - EXIT
    for peer in "${peers[@]}"; do stop_sshd "$work/$peer"; done
    for process in $(processes_of "$work"); do kill "$process" 2>/dev/null || true; done
    chmod -R u+rwX "$work" 2>/dev/null || true
    rm -rf "$work"
    if [ $status = 0 ]; then say '  the servers are ended, and what they held is gone'; fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

heading() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || heading() { printf '\n== %s\n' "$*"; }

# What the comparison sees of a tree: kind, mode, time, size, link target and name of each entry, then all contents.
listing() {
    (
        cd "$1"
        find . -mindepth 1 -name .headwater -prune -o -type d -printf 'd %m %T@ %P\0' \
            -o \( -type f -o -type l \) -printf '%y %m %T@ %s %l %P\0' | LC_ALL=C sort -z
        find . -mindepth 1 -name .headwater -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -z --
    )
}

inodes() { (cd "$1" && find . -name .headwater -prune -o -type f -printf '%P\0%i\n\0' | paste -z -d ' ' - - | LC_ALL=C sort -z); }

compare() {
    local peer
    listing "$work/build" >"$work/listing"
    for peer in "${peers[@]}"; do
        listing "$work/$peer/tree" >"$work/$peer/listing"
        if ! cmp -s "$work/listing" "$work/$peer/listing"; then
            diff <(tr '\0' '\n' <"$work/listing") <(tr '\0' '\n' <"$work/$peer/listing") | head -n 20 >&2 || true
            fail "the tree on $peer differs"
        fi
        say "  $peer: equal ($(tr -dc '\0' <"$work/listing" | wc -c) facts: names, kinds, modes, times, links, SHA-256)"
    done
}

run() {
    env -u SSH_AUTH_SOCK HOME="$work/home" XDG_STATE_HOME="$work/state" XDG_CACHE_HOME="$work/cache" \
        XDG_CONFIG_HOME="$work/config" XDG_RUNTIME_DIR="$work/runtime" "$bin/headwater" "$@"
}

source_directory=${DEMO_SOURCE:-}
if [ -z "$source_directory" ]; then
    source_directory=/usr/share/doc
    # A slim image keeps no documents: the sources of the package itself will do.
    if [ "$(find $source_directory -type f 2>/dev/null | head -n 500 | wc -l)" -lt 500 ]; then
        source_directory=$root_directory/Sources
    fi
fi
[ -d "$source_directory" ] || fail "$source_directory is no directory"
needed=$(du -sk "$source_directory" 2>/dev/null | cut -f1)
free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
[ $((needed * 7)) -lt "$free" ] \
    || fail "the demo needs $((needed * 7 / 1024)) MB in $work, $((free / 1024)) MB are free: set TMPDIR or DEMO_SOURCE"

heading "Four SSH servers on this machine, each with its own keys"
mkdir -p "$work/build" "$work/home" "$work/runtime"
chmod 700 "$work/home" "$work/runtime"
cp -a --no-preserve=links "$source_directory/." "$work/build/"
rm -rf "$work/build/.headwater"
for peer in "${peers[@]}"; do
    start_sshd "$work/$peer"
    say "  $peer listens on 127.0.0.1:$(cat "$work/$peer/port")"
done

topology=$work/demo.yaml
{
    printf 'headwater: 1\nname: demo\npeers:\n  build: %s\n' "$work/build"
    for peer in "${peers[@]}"; do printf '  %s: %s\n' "$peer" "$(remote_peer "$work/$peer" "$work/$peer/tree")"; done
    printf 'edges:\n'
    for peer in "${peers[@]}"; do printf '  - build -> %s\n' "$peer"; done
} >"$topology"

heading "The topology"
sed 's/{host:.*path: /{host: 127.0.0.1, …, path: /' "$topology"
heading "headwater graph"
run graph "$topology"

# As Headwater counts: the bytes in the files, 1 MB = 10^6.
size=$(find "$work/build" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%.0f", sum / 1e6 }')
heading "headwater run: a copy of $source_directory ($(find "$work/build" -type f | wc -l) files, $size MB) to four peers"
run run "$topology"

heading "Compared by find and sha256sum, which know nothing of Headwater"
compare

heading "Three files change, one appears, one goes; the rest must not move"
mapfile -d '' -t some < <(find "$work/build" -name .headwater -prune -o -type f -size +0 -print0 | LC_ALL=C sort -z)
count=${#some[@]}
[ "$count" -ge 8 ] || fail "$source_directory holds too few files for a demo"
for peer in "${peers[@]}"; do inodes "$work/$peer/tree" >"$work/$peer/before"; done
touched=()
for index in $((count / 5)) $((count / 3)) $((count / 2)); do
    file=${some[$index]}
    chmod u+w "$file"
    printf 'changed by the demo\n' >>"$file"
    touched+=("${file#"$work/build/"}")
done
gone=${some[$((count - 1))]}
rm -f -- "$gone"
printf 'new\n' >"$work/build/hello from the demo"
printf '  changed: %s\n' "${touched[@]}"
printf '  created: hello from the demo\n  deleted: %s\n' "${gone#"$work/build/"}"

heading "headwater run, again"
run run "$topology"

heading "Compared again, and which files were written on the peers"
compare
for peer in "${peers[@]}"; do
    inodes "$work/$peer/tree" >"$work/$peer/after"
    # A file that Headwater wrote is a new inode.
    moved=$(LC_ALL=C comm -z -13 "$work/$peer/before" "$work/$peer/after" | tr -dc '\0' | wc -c)
    say "  $peer: $moved of $count files are new on disk"
    [ "$moved" = 4 ] || fail "$peer: 4 files should have moved, $moved did"
done

heading "All four peers are in step"
