# Throw-away SSH servers on loopback. Source it after common.sh.
#
# A server lives in a directory of its own: host key, user key, known_hosts, log, and the home of what runs over it.
# Nothing of the machine's own server or of the user is read or written.

# start_sshd DIRECTORY: starts one and writes `port` and `pid` there. Returns when it listens.
start_sshd() {
    local directory=$1 port attempt pam=no
    mkdir -p "$directory/home"
    chmod 700 "$directory" "$directory/home"
    if [ "$(id -u)" = 0 ]; then
        mkdir -p /run/sshd
        # Without PAM sshd refuses an account whose password is locked.
        case $(getent shadow root 2>/dev/null) in root:!*) pam=yes ;; esac
    fi
    ssh-keygen -q -t ed25519 -N '' -C headwater -f "$directory/host_key" </dev/null
    ssh-keygen -q -t ed25519 -N '' -C headwater -f "$directory/user_key" </dev/null
    cp "$directory/user_key.pub" "$directory/authorized_keys"
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        cat >"$directory/sshd_config" <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $directory/host_key
AuthorizedKeysFile $directory/authorized_keys
PidFile none
StrictModes no
UsePAM $pam
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
SetEnv HOME=$directory/home
EOF
        : >"$directory/log"
        /usr/sbin/sshd -D -e -f "$directory/sshd_config" </dev/null >>"$directory/log" 2>&1 &
        printf '%s\n' $! >"$directory/pid"
        while kill -0 "$(cat "$directory/pid")" 2>/dev/null; do
            if grep -q 'Server listening' "$directory/log"; then
                printf '%s\n' "$port" >"$directory/port"
                printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$directory/host_key.pub")" \
                    >"$directory/known_hosts"
                return 0
            fi
            sleep 0.02
        done
    done
    cat "$directory/log" >&2
    return 1
}

# stop_sshd DIRECTORY: ends it by its process id.
stop_sshd() {
    [ -f "$1/pid" ] || return 0
    kill "$(cat "$1/pid")" 2>/dev/null || true
    wait "$(cat "$1/pid")" 2>/dev/null || true
    rm -f "$1/pid"
}

# remote_peer DIRECTORY PATH: the peer behind that server as a YAML mapping.
remote_peer() {
    printf '{host: 127.0.0.1, port: %s, user: %s, identity: %s, known_hosts: %s, path: %s}' \
        "$(cat "$1/port")" "$(id -un)" "$1/user_key" "$1/known_hosts" "$2"
}
