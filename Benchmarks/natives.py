"""Programs that are no part of this machine yet: small C ones compiled here, and unison unpacked, not installed."""

import glob
import os
import shutil

import processes
import stopping

HERE = os.path.dirname(os.path.abspath(__file__))


class Natives:
    def __init__(self, directory, may_fetch):
        self.directory, self.may_fetch = directory, may_fetch
        self._made = {}

    def compiled(self, source, *libraries):
        """The program that `source`, a path below Benchmarks/, is compiled to."""
        if source not in self._made:
            compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
            if not compiler:
                raise stopping.Skipped("there is no C compiler")
            program = os.path.join(self.directory, os.path.basename(source).removesuffix(".c"))
            try:
                processes.require([compiler, "-O2", "-o", program, os.path.join(HERE, source), *libraries])
            except stopping.Failed as failure:
                raise stopping.Skipped(str(failure)) from None
            self._made[source] = program
        return self._made[source]

    def unison(self):
        """On PATH, or unpacked from the distribution's package; None where it is neither."""
        if "unison" not in self._made:
            self._made["unison"] = shutil.which("unison") or (self._fetched() if self.may_fetch else None)
        return self._made["unison"]

    def _fetched(self):
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            return None
        into = os.path.join(self.directory, "unison")
        os.makedirs(into)
        depends = processes.output(["apt-cache", "depends", "unison"]).split()
        package = next((word for word in depends if word.startswith("unison-") and "gtk" not in word), "unison")
        processes.output(["apt-get", "download", "-q", package], cwd=into, timeout=60)
        for archive in glob.glob(f"{into}/*.deb"):
            processes.output(["dpkg-deb", "-x", archive, into])
        found = sorted(path for path in glob.glob(f"{into}/usr/bin/unison*") if "fsmonitor" not in path)
        return next((path for path in found if "version" in processes.output([path, "-version"])), None)
