#!/bin/sh
# Installs what building, showing, testing or measuring Headwater needs, on Debian and Ubuntu.
#
#   scripts/bootstrap.sh [build|demo|test|bench]...
#
# Says first what it will install and why; silent when nothing is missing. Never leaves an SSH server running or
# enabled on port 22.
set -eu

wanted=${*:-build}

missing_packages=
reasons=
need() { # need PACKAGE WHY CHECK...: remembers the package unless the check holds
    package=$1 why=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        missing_packages="$missing_packages $package"
        reasons="$reasons  $package: $why
"
    fi
}
program() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1"; }
library() { # library HEADER ARCHIVE
    for header in /usr/include/"$1" /usr/include/*/"$1" /usr/local/include/"$1"; do
        [ -e "$header" ] || continue
        for archive in /usr/lib/*/"$2" /usr/lib/"$2" /usr/lib64/"$2" /usr/local/lib/"$2"; do
            [ -e "$archive" ] && return 0
        done
    done
    return 1
}

need git 'fetches the one Swift package Headwater depends on' program git
need libssh2-1-dev 'SSH' library libssh2.h libssh2.a
need libssl-dev 'cryptography below libssh2' library openssl/evp.h libcrypto.a
need zlib1g-dev 'compression below libssh2' library zlib.h libz.a
need libsqlite3-dev 'snapshot databases' library sqlite3.h libsqlite3.a
need libyaml-dev 'topology files' library yaml.h libyaml.a
need libzstd-dev 'compression' library zstd.h libzstd.a
need libxxhash-dev 'digests' library xxhash.h libxxhash.a
for use in $wanted; do
    case $use in
    build) ;;
    demo)
        need openssh-server 'throw-away SSH servers on loopback' program sshd
        need openssh-client 'makes their keys' program ssh-keygen
        ;;
    test)
        need openssh-server 'throw-away SSH servers on loopback' program sshd
        need openssh-client 'makes their keys; ssh -G' program ssh
        need sqlite3 'the tests look into snapshot databases from outside' program sqlite3
        need strace 'the tests count system calls' program strace
        need util-linux 'the tests run once more as a plain user' program setpriv
        need e2fsprogs 'disks of the tests' program mkfs.ext4
        need xfsprogs 'disks of the tests' program mkfs.xfs
        need btrfs-progs 'disks of the tests' program mkfs.btrfs
        need iproute2 'links between network namespaces of the tests' program ip
        ;;
    bench)
        need openssh-server 'throw-away SSH servers on loopback' program sshd
        need openssh-client 'the transport of rsync' program ssh
        need rsync 'what Headwater is measured against' program rsync
        need python3 'runs the benchmark' program python3
        ;;
    *)
        echo "bootstrap: unknown purpose: $use" >&2
        exit 2
        ;;
    esac
done

# Each package once, in the order of need.
packages=
for package in $missing_packages; do
    case " $packages " in *" $package "*) ;; *) packages="$packages $package" ;; esac
done

install_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "error: these are missing, and only Debian and Ubuntu are known here:$packages" >&2
        echo "  remedy: install their equivalents (headers and static libraries) with your package manager" >&2
        exit 1
    fi
    echo "Headwater needs packages that are not installed:"
    printf '%s' "$reasons" | sort -u
    sudo=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "error: installing them needs root" >&2
            echo "  remedy: as root, run: apt-get install$packages" >&2
            exit 1
        fi
        sudo=sudo
    fi
    echo "Installing them now${sudo:+ with sudo}: apt-get install$packages"
    case " $packages " in *" openssh-server "*) forbid_servers ;; esac
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
    case " $packages " in *" openssh-server "*) disable_servers ;; esac
}

# While openssh-server is being installed no service may start.
policy=/usr/sbin/policy-rc.d
forbid_servers() {
    echo "openssh-server will be installed without starting or enabling it: nothing will listen on port 22."
    [ -e "$policy" ] && return 0
    trap 'allow_servers' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\n# headwater bootstrap: no service starts during this installation\nexit 101\n' \
        | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
}
allow_servers() {
    if grep -q 'headwater bootstrap' "$policy" 2>/dev/null; then $sudo rm -f "$policy"; fi
}
disable_servers() {
    if command -v systemctl >/dev/null 2>&1; then
        $sudo systemctl disable ssh.service ssh.socket >/dev/null 2>&1 || true
        # Where systemd runs, nothing may have slipped past the policy either.
        $sudo systemctl stop ssh.socket ssh.service >/dev/null 2>&1 || true
    fi
    if command -v update-rc.d >/dev/null 2>&1; then $sudo update-rc.d ssh disable >/dev/null 2>&1 || true; fi
    allow_servers
}

if [ -n "$packages" ]; then install_packages; fi

if ! command -v swift >/dev/null 2>&1; then
    echo "error: there is no swift on PATH" >&2
    echo "  remedy: install Swift 6.3 or newer from https://www.swift.org/install/linux/" >&2
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
major=${version%%.*}
rest=${version#*.}
minor=${rest%%.*}
if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 3 ]; }; then
    echo "error: Headwater needs Swift 6.3 or newer, this is ${version:-an unknown version}" >&2
    echo "  remedy: install a newer toolchain from https://www.swift.org/install/linux/" >&2
    exit 1
fi
