"""The rows of the scoreboard: what each does, and what it must reach."""

from dataclasses import dataclass, field

GIB = 1 << 30


@dataclass
class Sizes:
    files: int = 50_000
    noise: int = GIB  # the large file
    many: int = 1_000_000
    far: int = 10_000  # files over the link
    limit: int = 150  # seconds for what may never end over a link that loses packets
    growth: tuple = (1, 2, 4, 8, 16)

    @property
    def renamed(self):
        return max(1, self.files * 2 // 5)

    @property
    def changed(self):
        return max(1, self.files // 100)

    @staticmethod
    def chosen(files, noise_mib, quick):
        if quick:
            files = files or 2_500
            return Sizes(files, (noise_mib or 128) << 20, files * 5, max(200, files // 5), 10, (1, 4))
        files = files or 50_000
        return Sizes(files, (noise_mib or 1024) << 20, files * 20, max(200, files // 5))


@dataclass
class Row:
    name: str
    what: str
    kind: str  # first, unchanged, changed, growth
    tree: str  # files, tiny, noise, renamed
    targets: int
    bound: float | None  # of the median of our seconds / rsync's, pair by pair
    change: str = ""  # of mutate.py
    pulls: bool = False
    ceilings: tuple = ()
    disk: bool = False  # also measured on disk
    link: dict | None = None
    limits: dict = field(default_factory=dict)  # what else must hold, by the names of verdict.py


COPIES = ("cp", "tar")
FAR = {"round_trip": 0.1, "loss": 0.0, "congestion": None}

ALL = [
    Row("F1", "first push, 1 target", "first", "files", 1, 0.55, ceilings=(*COPIES, "unison"), disk=True),
    Row("F8", "first push, 8 targets at once", "first", "files", 8, 0.40, ceilings=COPIES, disk=True),
    Row("N1", "nothing changed, 1 target", "unchanged", "files", 1, 0.5, ceilings=("walk", "unison")),
    Row("N8", "nothing changed, 8 targets", "unchanged", "files", 8, 0.35),
    Row("C8", "1 of 100 files changed, 8 targets", "changed", "files", 8, 0.35, change="files", disk=True),
    Row("P1", "first pull, 1 source", "first", "files", 1, 0.7, pulls=True, ceilings=("cp",)),
    Row("X", "first push, cost at the source by number of targets", "growth", "files", 16, None),
    Row("M1", "first push of tiny files", "first", "tiny", 1, 0.6, ceilings=COPIES),
    Row("NM", "nothing changed, tiny files", "unchanged", "tiny", 1, 0.5, ceilings=("walk",),
        limits={"near_peak": 150e6, "far_peak": 60e6}),
    Row("B1", "one file of random bytes, first push", "first", "noise", 1, 0.6, ceilings=COPIES, disk=True),
    Row("D1", "random edits of 4 KiB in that file", "changed", "noise", 1, 0.6, change="edits", disk=True,
        limits={"sent_ratio": 1.0}),
    Row("I1", "800 bytes inserted at its front", "changed", "noise", 1, 1.0, change="insert",
        limits={"sent": 0.5e6}),
    Row("D8", "random edits of 4 KiB in that file, 8 targets", "changed", "noise", 8, 0.35, change="edits", disk=True,
        limits={"reads": 1.1}),
    Row("R1", "a directory renamed", "changed", "renamed", 1, 0.2, change="rename", limits={"payload": 0}),
    Row("W1", "first push over 100 ms round trip", "first", "far", 1, 0.5, link=FAR),
    Row("W2", "nothing changed over 100 ms round trip", "unchanged", "far", 1, 0.5, link=FAR),
    Row("W3", "W1 with 1 % loss, BBR", "first", "far", 1, 0.35, link={**FAR, "loss": 0.01, "congestion": "bbr"}),
    Row("W4", "W1 with 1 % loss, CUBIC", "first", "far", 1, 0.1, link={**FAR, "loss": 0.01, "congestion": "cubic"}),
]  # fmt: skip

NAMES = [row.name for row in ALL]


def edits(size):
    """How many pieces change in a file of `size`: 1 000 in 1 GiB."""
    return max(1, 1000 * size // GIB)
