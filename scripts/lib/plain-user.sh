# The end-to-end tests as a user without privileges. Source it after common.sh.
#
# As root: in a mount namespace of its own, where /etc/passwd and /etc/group know one throw-away user more. The
# machine's own files stay as they are. As a plain user already: nothing is to do, the tests ran as one.

plain_uid=64917

# Says why it cannot be done, and succeeds, when it cannot.
plain_user_impossible() {
    local tests=$1
    if [ "$(id -u)" != 0 ]; then say 'the tests above ran as a plain user'; return 0; fi
    if ! unshare -m true 2>/dev/null; then say 'no mount namespaces here'; return 0; fi
    if ! command -v setpriv >/dev/null; then say 'setpriv is missing'; return 0; fi
    if getent passwd $plain_uid >/dev/null; then say "uid $plain_uid is taken"; return 0; fi
    # The test bundle needs the toolchain's libraries.
    if ! setpriv --reuid=$plain_uid --regid=$plain_uid --clear-groups \
        ls "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift/linux" >/dev/null 2>&1; then
        say 'the Swift toolchain is not readable for other users'
        return 0
    fi
    [ -e "$tests" ] || { say "there is no $tests"; return 0; }
    return 1
}

# as_plain_user WORK BIN TESTS: runs the suite from copies below WORK, with a home there, in memory; but for what no user makes a
# difference to.
as_plain_user() {
    local work=$1 bin=$2 tests=$3 place=$1/plain
    mkdir -p "$place/bin" "$place/home"
    cp "$bin/headwater" "$bin/headwater-agent" "$tests" "$place/bin/"
    { cat /etc/passwd; say "headwater-test:x:$plain_uid:$plain_uid::$place/home:/bin/sh"; } >"$place/passwd"
    { cat /etc/group; say "headwater-test:x:$plain_uid:"; } >"$place/group"
    chmod 644 "$place/passwd" "$place/group"
    chown -R $plain_uid:$plain_uid "$place/home"
    in_memory "$work/tmp/plain" sh -eu -c '
        mount --bind "$1/passwd" /etc/passwd
        mount --bind "$1/group" /etc/group
        chown "$2:$2" "$3"
        cd "$1/home"
        exec setpriv --reuid="$2" --regid="$2" --clear-groups --no-new-privs env -i \
            PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin HOME="$1/home" USER=headwater-test TMPDIR="$3" \
            HEADWATER_BIN_DIR="$1/bin" LANG=C.UTF-8 \
            "$1/bin/headwaterPackageTests.xctest" --testing-library swift-testing --filter "EndToEndTests|ExaminationTests" \
            --skip "DiskTests|twoHundredEdges|TopologyCommandTests|HelpCommandsTests|ExampleTests|InstallTests|HistoryTests|BidiTableTests|ConflictTests|ResolveTests|FilterTests|MirrorTests|DriftPolicyTests|DeletePolicyTests|SnapshotMendTests|SnapshotCommandTests|OncePerRootTests|RoundTripTests|OrderTests"
    ' sh "$place" $plain_uid "$work/tmp/plain" </dev/null
}
