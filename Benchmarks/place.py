"""One file system to measure on: a source tree, targets of each tool, and how the tools are run on them."""

import json
import os
import re
import tempfile

import machine
import trees

DIRECTORIES = ("STATE_HOME", "CACHE_HOME", "CONFIG_HOME", "RUNTIME_DIR")


class Place:
    """Each tool has targets of its own, so that what one has done is nothing to the other."""

    def __init__(self, name, directory, binaries, servers):
        self.name, self.servers = name, servers
        self.headwater = os.path.join(binaries, "headwater")
        self.work = tempfile.mkdtemp(prefix="headwater-bench-", dir=directory)
        self.source = os.path.join(self.work, "source")
        self.log = os.path.join(self.work, "log")
        self.cipher = machine.best_cipher()
        self.in_step = {}  # how many targets of a tool are in step with the source
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": f"{self.work}/home", "LANG": "C.UTF-8", "USER": machine.user(),
            **{f"XDG_{kind}": f"{self.work}/{kind}" for kind in DIRECTORIES},
        }  # fmt: skip
        for kind in ("home", *DIRECTORIES):
            os.makedirs(f"{self.work}/{kind}", mode=0o700)

    def close(self):
        machine.remove(self.work)

    def use(self, make):
        """Has another source tree made."""
        self.clear("headwater", "rsync")
        machine.remove(self.source)
        make(self.source)
        self.note_change()

    def note_change(self):
        """The source is another one now."""
        self.expected = trees.facts(self.source)

    def target(self, tool, index):
        return os.path.join(self.work, f"{tool.split()[0]}{index}")

    def clear(self, *tools):
        for tool in tools:
            self.in_step[tool.split()[0]] = 0
            for index in range(len(self.servers)):
                machine.remove(self.target(tool, index))
        if "headwater" in tools:
            machine.remove(os.path.join(self.source, ".headwater"))
            machine.remove(os.path.join(self.work, "STATE_HOME", "headwater"))

    def topology(self, count, pull=False):
        path = os.path.join(self.work, f"{'pull' if pull else 'push'}{count}.yaml")
        with open(path, "w") as file:
            source = self.servers[0].peer(self.source) if pull else self.source
            file.write(f"headwater: 1\nname: bench\ndefaults: {{max_delete: 100%}}\npeers:\n  source: {source}\n")
            for index in range(count):
                path_of = self.target("headwater", index)
                file.write(f"  t{index}: {path_of if pull else self.servers[index].peer(path_of)}\n")
            mode = "pull" if pull else "push"
            file.write("edges:\n" + "".join(f"  - {{from: source, to: t{i}, mode: {mode}}}\n" for i in range(count)))
        return path

    def commands(self, tool, count, pull=False):
        if tool == "headwater":
            return [[self.headwater, "run", "--json", self.topology(count, pull)]]
        far = f"{machine.user()}@127.0.0.1:"
        found = []
        for index in range(count):
            ends = [far + self.source + "/", self.target(tool, index) + "/"]
            if not pull:
                ends = [self.source + "/", far + self.target(tool, index) + "/"]
            found.append(
                ["rsync", *tool.split()[1:], "--delete", "--stats", "--exclude=/.headwater", "-e",
                 self.servers[index].ssh(self.cipher), *ends]
            )  # fmt: skip
        return found

    def run(self, tool, count, pull=False):
        """Seconds, processor seconds of the whole machine, bytes sent and bytes received at this end."""
        run = machine.measured(self.commands(tool, count, pull), self.environment, self.log)
        run["sent"], run["received"] = traffic(tool, run.pop("outputs"))
        self.in_step[tool.split()[0]] = count
        return run

    def bring_in_step(self, tool, count):
        if self.in_step.get(tool.split()[0]) != count:
            self.run(tool, count)
            self.check(tool, count)

    def check(self, tool, count):
        """A run whose trees differ has no score."""
        for index in range(count):
            wrong = trees.differences(self.expected, trees.facts(self.target(tool, index)))
            if wrong:
                raise machine.Failed(f"{tool}: the tree of target {index} differs: {wrong}")


def traffic(tool, outputs):
    if tool == "headwater":
        edges = json.loads(outputs[0].strip().splitlines()[-1])["edges"]
        return sum(edge["bytes_sent"] for edge in edges), sum(edge["bytes_received"] for edge in edges)
    return tuple(
        sum(int(re.search(rf"Total bytes {way}: ([\d,]+)", text)[1].replace(",", "")) for text in outputs)
        for way in ("sent", "received")
    )
