#!/usr/bin/env bash
# Changes one line of the product at a time, rule by rule, in a copy, and demands that the rig of reconciliation finds it.
#
#     scripts/canaries.sh [WORDS]     only those whose file or line has WORDS in it
#
# scripts/canaries.tsv has the file below Sources/Reconciliation, what stands there and what is put instead, with tabs between.
set -eu
. "$(dirname "$0")/lib/common.sh"
cd "$root_directory"

work=$(mktemp -d "${TMPDIR:-/tmp}/headwater-canaries-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/copy"
tar -cf - --exclude=.build --exclude=.git . | tar -xf - -C "$work/copy"
cd "$work/copy"

build() { swift build -c release --product histories >"$work/log" 2>&1 || { tail -n 30 "$work/log"; return 1; }; }
holds() { "$bin/histories" tables 1 && "$bin/histories" trees 499 && "$bin/histories" 1 4000; }

build || fail 'the unchanged copy does not build'
bin=$(swift build -c release --show-bin-path)
holds >/dev/null || fail 'something is found where nothing was changed'

missed=0 count=0
while IFS=$'\t' read -r file old new; do
    case "$file $old" in *"${1:-}"*) ;; *) continue ;; esac
    count=$((count + 1))
    place=Sources/Reconciliation/$file
    cp "$place" "$work/kept"
    OLD=$old NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$place"
    if cmp -s "$place" "$work/kept"; then
        say "STALE: $file has no line with: $old"
        missed=$((missed + 1))
    elif ! build; then
        say "STALE: $file does not build with: $new"
        missed=$((missed + 1))
    elif holds >"$work/found"; then
        say "MISSED: $file: $old"
        missed=$((missed + 1))
    else
        say "found: $file: $old"
    fi
    cp "$work/kept" "$place"
done <"$root_directory/scripts/canaries.tsv"
say "$count canaries, $missed not found"
[ "$missed" = 0 ] && [ "$count" != 0 ]
