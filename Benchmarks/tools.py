"""The tools side by side: their command lines, what they say they sent, whether what they wrote is durable."""

import json
import os
import re
import shlex
from dataclasses import dataclass, field

import servers


@dataclass
class Layout:
    """Where from and where to: one source, targets of one tool, the server in front of each."""

    source: str
    targets: list
    servers: list
    pulls: bool = False  # the source is behind the one server, the target is here
    prefix: list = field(default_factory=list)  # of every command: the network namespace


@dataclass
class Ground:
    """What commands need to know of the bench around them."""

    work: str
    headwater: str
    cipher: str


class Tool:
    is_coarse = False  # keeps times of files in seconds, and none of directories
    is_ceiling = False


class Headwater(Tool):
    name, key = "headwater", "headwater"
    durable = "yes: every file is synced before it is published"

    def commands(self, ground, layout):
        """One run to all targets."""
        return [[*layout.prefix, ground.headwater, "run", "--json", self.topology(ground, layout)]]

    def topology(self, ground, layout):
        path = f"{ground.work}/bench.yaml"
        ends = [server.peer(target) for server, target in zip(layout.servers, layout.targets)]
        source = layout.source
        if layout.pulls:
            source, ends = layout.servers[0].peer(layout.source), layout.targets
        with open(path, "w") as file:
            file.write(f"headwater: 1\nname: bench\npeers:\n  source: {source}\n")
            file.writelines(f"  t{index}: {end}\n" for index, end in enumerate(ends))
            file.write("edges:\n" + "".join(f"  - source -> t{index}\n" for index in range(len(ends))))
        return path

    def said(self, logs, layout):
        with open(logs[0], errors="replace") as file:
            lines = [line for line in file if line.startswith('{"type":"summary"') or '"summary"' in line[:40]]
        edges = json.loads(lines[-1])["edges"]
        return {
            "bytes_sent": sum(edge["bytes_received" if layout.pulls else "bytes_sent"] for edge in edges),
            "payload": sum(edge["bytes_payload"] for edge in edges),
        }


class Rsync(Tool):
    durable = "no: left to the page cache"

    def __init__(self, *options):
        self.options = list(options)
        self.name = " ".join(["rsync", *options])
        self.key = "rsync" + "".join(option for option in options if option != "-a")
        if "--fsync" in options:
            self.durable = "yes: every file is synced"

    def commands(self, ground, layout):
        """One for each target, all at once."""
        commands = []
        for server, target in zip(layout.servers, layout.targets):
            ends = [f"{layout.source}/", server.place(f"{target}/")]
            if layout.pulls:
                ends = [server.place(f"{layout.source}/"), f"{target}/"]
            commands.append(
                [*layout.prefix, "rsync", *self.options, "--delete", "--exclude=/.headwater", "--stats", "-e",
                 server.ssh(ground.cipher), *ends]
            )  # fmt: skip
        return commands

    def said(self, logs, layout):
        way = "received" if layout.pulls else "sent"
        total = 0
        for log in logs:
            with open(log, errors="replace") as file:
                found = re.search(rf"Total bytes {way}: ([\d,.]+)", file.read())
            if not found:
                return {}
            total += int(re.sub(r"\D", "", found[1]))
        return {"bytes_sent": total}


class Ceiling(Tool):
    """A bound to hold the others against: it keeps nothing in step, it only copies."""

    durable = "no: left to the page cache"
    is_ceiling = True

    def said(self, logs, layout):
        return {}


class Copy(Ceiling):
    name, key = "cp -a", "cp"

    def commands(self, ground, layout):
        return [["cp", "-a", "--reflink=never", "-T", layout.source, target] for target in layout.targets]


class TarOverSSH(Ceiling):
    name, key = "tar over ssh", "tar"

    def commands(self, ground, layout):
        commands = []
        for server, target in zip(layout.servers, layout.targets):
            far = f"mkdir -p {shlex.quote(target)} && tar -C {shlex.quote(target)} -xpf -"
            send = f"tar -C {shlex.quote(layout.source)} --exclude=./.headwater --format=posix -cf - ."
            ssh = f"{server.ssh(ground.cipher)} {servers.user()}@{server.address} {shlex.quote(far)}"
            commands.append([*layout.prefix, "bash", "-c", f"set -o pipefail; {send} | {ssh}"])
        return commands


class Walk(Ceiling):
    """`getdents64` and `statx` of everything at the source, by a small C program: no tool can look with less."""

    name, key = "C walk of the source", "walk"
    durable = "writes nothing"

    def __init__(self, program):
        self.program = program

    def commands(self, ground, layout):
        return [[self.program, layout.source]]


class Unison(Ceiling):
    """Keeps two replicas in step, with archives at both ends."""

    name, key = "unison", "unison"
    durable = "yes: it syncs what it writes"
    is_coarse = True

    def __init__(self, program):
        self.program = program

    def commands(self, ground, layout):
        far = layout.servers[0]
        ssh = far.ssh(ground.cipher).split(" ", 1)
        return [[
            *layout.prefix, self.program, layout.source,
            f"ssh://{servers.user()}@{far.address}/{layout.targets[0]}", "-sshargs", ssh[1], "-servercmd",
            self.program, "-batch", "-silent", "-times", "-force", layout.source, "-ignore", "Path .headwater",
            "-confirmbigdel=false", "-fastcheck", "true",
        ]]  # fmt: skip


def shown(command, names):
    """A command line as a person reads it, with the places of this run named by their roles."""
    line = shlex.join(command)
    for path, role in sorted(names.items(), key=lambda item: -len(item[0])):
        line = line.replace(path, role)
    return os.fspath(line)


def disk_bytes(path):
    """Bytes of all files below `path`, Headwater's own directory left out."""
    total = 0
    for directory, below, names in os.walk(path):
        if ".headwater" in below:
            below.remove(".headwater")
        total += sum(os.lstat(os.path.join(directory, name)).st_size for name in names)
    return total
