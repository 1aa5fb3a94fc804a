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

# Seconds of a clock that only goes forward, with two decimals.
now() { cut -d' ' -f1 /proc/uptime; }
