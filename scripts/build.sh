#!/usr/bin/env bash
# Builds both release binaries and checks that the agent runs on any machine with glibc. Prints nothing but progress.
#
#   scripts/build.sh [--show-bin-path]
set -eu
. "$(dirname "$0")/lib/common.sh"
cd "$root_directory"

flags=(-c release --static-swift-stdlib -Xlinker --gc-sections -Xlinker -s)
if [ "${1:-}" = --show-bin-path ]; then exec swift build "${flags[@]}" --show-bin-path; fi

# What the compiler leaves in its temporary directory goes with it.
export TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/headwater-build-XXXXXX")
trap 'rm -rf "$TMPDIR"' EXIT

[ -d .build/release ] || say 'building both programs: the first time takes some minutes'

# The products alone: what only tests need is built with them.
for product in headwater headwater-agent; do swift build "${flags[@]}" --product $product; done
bin=$(swift build "${flags[@]}" --show-bin-path)

strangers=$(ldd "$bin/headwater-agent" | awk '{ print $1 }' \
    | grep -vE '^(linux-vdso\.so\.1|libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libstdc\+\+\.so\.6|/.*/ld-linux.*|ld-linux.*)$' \
    || true)
[ -z "$strangers" ] || fail "headwater-agent needs libraries that a far host may lack: $strangers"
size=$(stat -c %s "$bin/headwater-agent")
[ "$size" -lt 20000000 ] || fail "headwater-agent has $size bytes; 20 MB is the limit"
say "built $bin/headwater and headwater-agent ($((size / 1000)) KB, self-contained)"
