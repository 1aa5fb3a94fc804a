"""What happens to a source between a first push and a measured run. Seeded; each `turn` is another change.

What changes gets a modification time of a second of its own: rsync takes two times of the same second for equal.
"""

import os
import random

SECOND = 1_000_000_000


def _when(turn, number=0):
    return (1_700_000_000 + turn * 100_000 + number) * SECOND + 123_456_789


def change_files(source, turn, count):
    """`count` files get other content of about the same size, in place."""
    choose = random.Random(f"change {turn}")
    names = sorted(os.path.join(at, name) for at, below, found in os.walk(source) if _ours(below) for name in found)
    for number, name in enumerate(choose.sample(names, min(count, len(names)))):
        size = max(1, os.path.getsize(name) + choose.randrange(-64, 65))
        with open(name, "wb") as file:
            file.write(choose.randbytes(size))
        os.utime(name, ns=(_when(turn, number),) * 2)


def edit_noise(source, turn, count):
    """`count` pieces of 4 KiB, anywhere in the file, are overwritten."""
    choose = random.Random(f"edit {turn}")
    name = f"{source}/noise.bin"
    with open(name, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for _ in range(count):
            file.seek(choose.randrange(max(1, size - 4096)))
            file.write(choose.randbytes(4096))
    os.utime(name, ns=(_when(turn),) * 2)


def insert_at_front(source, turn, count=800):
    """The file is replaced by one that begins with `count` bytes more."""
    name = f"{source}/noise.bin"
    kept = os.stat(source)
    with open(name, "rb") as old, open(f"{name}.new", "wb") as new:
        new.write(random.Random(f"insert {turn}").randbytes(count))
        while piece := old.read(1 << 20):
            new.write(piece)
    os.utime(f"{name}.new", ns=(_when(turn),) * 2)
    os.rename(f"{name}.new", name)
    os.utime(source, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def rename_directory(source, turn):
    """`setN` becomes `setM`. Its own times and those of its files stay."""
    kept = os.stat(source)
    old = next(name for name in os.listdir(source) if name.startswith("set"))
    os.rename(f"{source}/{old}", f"{source}/set{turn}")
    os.utime(source, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def _ours(below):
    """Keeps the walk out of Headwater's own directory."""
    if ".headwater" in below:
        below.remove(".headwater")
    return True
