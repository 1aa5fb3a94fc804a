#!/usr/bin/env bash
# Everything that must hold: lint, release build, all tests, the end-to-end tests once more as a plain user, nothing
# left behind. One summary at the end; exit 0 only when all of it held.
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/plain-user.sh"
cd "$root_directory"

work=$(mktemp -d "${TMPDIR:-/tmp}/headwater-ci-XXXXXX")
chmod 755 "$work"
mkdir "$work/logs" "$work/tmp" "$work/build-tmp"
export TMPDIR="$work/build-tmp"
summary=()
failed=0
skipped=0

finish() {
    local process
    for process in $(processes_of "$work/tmp"); do kill -KILL "$process" 2>/dev/null || true; done
    chmod -R u+rwX "$work" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step NAME COMMAND...: runs it, keeps its time and outcome for the summary. Later steps run all the same.
step() {
    local name=$1 begin outcome=ok
    shift
    begin=$(now)
    printf '\n== %s\n' "$name"
    if ! "$@"; then outcome=FAILED failed=$((failed + 1)); fi
    summary+=("$(printf '%-44s %-7s %6.1f s' "$name" "$outcome" "$(awk "BEGIN { print $(now) - $begin }")")")
    [ "$outcome" = ok ]
}

# Runs tests with the output kept; the counts of run and skipped tests go to the summary.
counted() {
    local log=$1 status=0 begun skips
    shift
    "$@" >"$log" 2>&1 || status=$?
    grep -E '✘|error:|Fatal|recorded an issue' "$log" | head -n 100 || true
    grep -aE 'recorded an issue' "$log" | head -n 20 >>"$work/logs/issues" || true
    begun=$(grep -oE 'Test run with [0-9]+ tests?' "$log" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }')
    skips=$(grep -cE 'Test .*\) skipped' "$log" || true)
    say "$begun tests, $skips skipped, exit $status"
    if [ "$status" != 0 ]; then tail -n 30 "$log"; fi
    if [ "$begun" = 0 ]; then say "no test ran"; return 1; fi
    skipped=$((skipped + skips))
    return "$status"
}

# The test program itself, not `swift test`, which leaves files of its own in TMPDIR.
tests_of_modules() {
    counted "$work/logs/tests" env TMPDIR="$work/tmp" HEADWATER_BIN_DIR="$bin" \
        "$tests" --testing-library swift-testing --parallel --skip "$in_memory_suites" </dev/null
}

# In memory: a second file system, and one that waits for no disk. What is on disks is for the modules that write there, and DiskTests.
in_memory_suites='^(SessionsTests|EndToEndTests)'
end_to_end_tests() {
    counted "$work/logs/end-to-end" in_memory "$work/tmp/memory" env TMPDIR="$work/tmp/memory" HEADWATER_BIN_DIR="$bin" \
        "$tests" --testing-library swift-testing --parallel --filter "$in_memory_suites" </dev/null
}

plain_user_tests() {
    counted "$work/logs/plain-user" as_plain_user "$work" "$bin" "$tests"
}

nothing_left() {
    local left=0 process
    for process in $(processes_of "$work/tmp"); do
        say "a process is left: $process $(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null)"
        left=1
    done
    if find "$work/tmp" -mindepth 1 -print -quit | grep -q .; then
        say "files are left:"
        find "$work/tmp" -mindepth 1 -maxdepth 2 | head -n 20
        left=1
    fi
    if grep -F " $work/" /proc/self/mountinfo; then say "mounts are left"; left=1; fi
    return $left
}

step 'format' swift format lint --strict --recursive Sources Tests Package.swift || true
if step 'release build' scripts/build.sh; then bin=$(scripts/build.sh --show-bin-path); fi
# Whole modules, as for a release: all is to be compiled anyway, and file by file costs a quarter more.
export HEADWATER_STRICT=1
whole=(-Xswiftc -wmo -Xswiftc -num-threads -Xswiftc 2)
if step 'build of the tests, warnings are errors' swift build --build-tests "${whole[@]}"; then
    tests=$(swift build "${whole[@]}" --show-bin-path)/headwaterPackageTests.xctest
fi
if [ -n "${bin:-}" ] && [ -n "${tests:-}" ]; then
    step 'tests of the modules' tests_of_modules || true
    step 'sessions, and end to end' end_to_end_tests || true
    if why_not=$(plain_user_impossible "$tests"); then
        summary+=("$(printf '%-44s %s' 'end to end, as a plain user' "SKIPPED: $why_not")")
        skipped=$((skipped + 1))
    else
        step 'end to end, as a plain user' plain_user_tests || true
    fi
    step 'nothing left behind' nothing_left || true
fi

# Tests that cannot run here are counted; more of them than known is a failure.
allowed=${HEADWATER_SKIPS_MAX:-19}
if [ "$skipped" -gt "$allowed" ]; then
    summary+=("$skipped skipped, $allowed allowed: FAILED")
    failed=$((failed + 1))
fi

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
if [ -s "$work/logs/issues" ]; then cut -c1-400 "$work/logs/issues"; fi
say "skipped: $skipped"
if [ "$failed" != 0 ]; then say "FAILED: $failed"; exit 1; fi
say 'all of it holds'
