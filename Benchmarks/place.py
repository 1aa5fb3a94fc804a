"""One place (a file system) with all that is measured there: source trees, targets, servers, and single runs."""

import os
import shutil
import tempfile
import time

import compare
import machine
import processes
import servers
import stopping
import tools
import trees

REST_SECONDS = 3


class Place:
    def __init__(self, name, directory, headwater, stack, natives):
        self.name, self.stack, self.natives = name, stack, natives
        with stopping.whole():
            self.work = tempfile.mkdtemp(prefix="headwater-bench-", dir=directory)
            stack.callback(machine.remove, self.work)
            self.servers = servers.Servers(self.work)
            stack.callback(self.servers.stop)
        self.ground = tools.Ground(self.work, headwater, servers.best_cipher())
        self.trees = {}  # name -> bytes, of the sources that exist
        self.digests = {}  # name -> digest of the source as it is
        self.prefix = []
        self.warm = 0
        self.touched = 0.0  # when a source was last made or changed
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": f"{self.work}/home", "LANG": "C.UTF-8", "USER": servers.user(),
            **{f"XDG_{kind}": f"{self.work}/{kind}" for kind in
               ("STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "RUNTIME_DIR")},
        }  # fmt: skip
        for kind in ("home", "STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "RUNTIME_DIR"):
            os.makedirs(f"{self.work}/{kind}", mode=0o700)

    # Sources

    def source(self, name):
        return f"{self.work}/source-{name}"

    def make(self, name, maker, *arguments):
        """The source of that name, made once; the others are removed, so that there is room."""
        if name not in self.trees:
            for other in list(self.trees):
                self.drop(other)
            self.trees[name] = maker(self.source(name), *arguments)
            self.changed(name)
        return self.trees[name]

    def drop(self, name):
        machine.remove(self.source(name))
        del self.trees[name], self.digests[name]

    def changed(self, name):
        self.touched = time.monotonic()
        self.digests[name] = compare.digest(self.source(name))

    def needs_room(self, count):
        room = machine.room(self.work)
        if room < count:
            raise stopping.Skipped(f"it needs {count / 1e9:.1f} GB, {room / 1e9:.1f} GB are free")

    # Targets

    def target(self, tool, index):
        return f"{self.work}/target-{tool.key}-{index}"

    def layout(self, tool, name, count, pulls=False):
        targets = [self.target(tool, index) for index in range(count)]
        return tools.Layout(self.source(name), targets, self.servers[:count], pulls, self.prefix)

    def clear(self, tool=None):
        """Removes the targets (of one tool), and what Headwater remembers of its own."""
        for entry in os.listdir(self.work):
            if entry.startswith(f"target-{tool.key}-" if tool else "target-"):
                machine.remove(f"{self.work}/{entry}")
        if tool is None or tool.key == "headwater":
            for name in self.trees:
                machine.remove(f"{self.source(name)}/.headwater")
            machine.remove(f"{self.work}/STATE_HOME/headwater")
        if tool is None or tool.key == "unison":
            self._forget_unison()

    def _forget_unison(self):
        machine.remove(f"{self.work}/home/.unison")
        for server in self.servers:
            machine.remove(f"{server.directory}/home/.unison")

    def start_servers(self, count, address="127.0.0.1", prefix=()):
        """With the agent deployed, as rsync is installed."""
        self.servers.start(count, address, prefix)
        if self.warm < count:
            small = f"{self.work}/source-small"
            trees.make_tree(small, 10, 40_960)
            self.trees["small"], self.digests["small"] = 0, None
            tool = tools.Headwater()
            self.run(tool, self.layout(tool, "small", count))
            self.clear(tool)
            self.drop("small")
            self.warm = count

    # Runs

    def run(self, tool, layout, limit=1800, wrap=None):
        """Runs it once. What the run before left unwritten is not charged to it.

        A source rests before: what changed a moment ago may be read twice, to be sure of it, and by the tool that is first only.
        """
        commands = tool.commands(self.ground, layout)
        if wrap:
            commands = [wrap(command, index) for index, command in enumerate(commands)]
        logs = [f"{self.work}/log-{index}" for index in range(len(commands))]
        os.sync()
        time.sleep(max(0, self.touched + REST_SECONDS - time.monotonic()))
        result = processes.run(commands, self.environment, logs, self.servers, limit)
        if not result["unfinished"]:
            result.update(tool.said(logs, layout))
        return result

    def check(self, tool, layout, name):
        """A run whose trees differ has no score."""
        expected = self.digests[name]
        if tool.is_coarse:
            expected = compare.digest(layout.source, coarse=True)
        for target in layout.targets:
            if compare.digest(target, tool.is_coarse) != expected:
                where = compare.differences(layout.source, target, tool.is_coarse)
                raise stopping.Failed(f"{tool.name}: {os.path.basename(target)} differs from the source: {where}")

    def shown(self, tool, layout):
        names = {self.work: "$WORK", self.ground.headwater: "headwater"}
        names |= {server.directory: f"$HOST{index}" for index, server in enumerate(self.servers)}
        if isinstance(tool, (tools.Walk, tools.Unison)):
            names[tool.program] = os.path.basename(tool.program)
        return tools.shown(tool.commands(self.ground, layout)[0], names)

    def zstd_ratio(self, name):
        """What `zstd -1` makes of the tree as one stream of tar; None without zstd."""
        if not shutil.which("zstd"):
            return None
        command = 'tar -C "$1" --exclude=./.headwater -cf - . | zstd -1 -q -c | wc -c'
        packed = int(processes.require(["bash", "-c", command, "bash", self.source(name)]))
        return round(self.trees[name] / packed, 2)
