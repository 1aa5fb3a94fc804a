# Shared by the bash scripts. Source it after `set -eu`.

root_directory=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export HOME="${HOME:-/nonexistent}"

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The processes whose command line or environment names the directory $1: all that was started inside it.
processes_of() {
    local directory=$1 process
    for process in /proc/[0-9]*; do
        [ "${process#/proc/}" = "$$" ] && continue
        if { tr '\0' '\n' <"$process/cmdline"; tr '\0' '\n' <"$process/environ"; } 2>/dev/null \
            | grep -qF -- "$directory/"; then
            printf '%s\n' "${process#/proc/}"
        fi
    done
}

# in_memory DIRECTORY COMMAND...: makes DIRECTORY and runs the command with a tmpfs there, in a mount namespace of its own; fails when it
# leaves files in it. Without privileges, and where that cannot be, DIRECTORY is a plain one.
in_memory() {
    local directory=$1 status=0
    shift
    mkdir -p "$directory"
    in_memory_there "$directory" "$@" || status=$?
    rmdir "$directory" || status=1
    return $status
}

in_memory_there() {
    local directory=$1
    shift
    if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then "$@"; return; fi
    unshare -m --propagation private sh -eu -c '
        directory=$1
        shift
        mount -t tmpfs -o size=4g,mode=755 none "$directory" || exec "$@"
        status=0
        "$@" || status=$?
        left=$(find "$directory" -mindepth 1 -maxdepth 2 | head -n 20)
        if [ -n "$left" ]; then printf "error: files are left:\n%s\n" "$left"; status=1; fi
        exit $status
    ' sh "$directory" "$@"
}

# Seconds of a clock that only goes forward, with two decimals.
now() { cut -d' ' -f1 /proc/uptime; }
