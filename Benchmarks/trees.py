"""Deterministic trees for the benchmarks, and a comparison of trees that shares nothing with the product."""

import hashlib
import math
import os
import random
import stat

WORDS = [
    bytes("".join(random.Random(n).choice("etaoinshrdlucmfwypvbgkjqxz") for _ in range(3 + n % 9)), "ascii")
    for n in range(4000)
]


def text_pool(size, seed):
    """Words in a skewed order: compresses about like prose and source code do."""
    choose = random.Random(seed)
    parts, length = [], 0
    while length < size:
        word = WORDS[min(int(choose.expovariate(1 / 500)), len(WORDS) - 1)]
        ending = b"\n" if choose.random() < 0.1 else b" "
        parts.append(word + ending)
        length += len(word) + 1
    return b"".join(parts)[:size]


def sizes(count, total, seed):
    """Log-normal, median 4 KB, cap 4 MB, the width chosen so that they add up to about `total`."""
    cap, median = 4 << 20, 4096
    source = random.Random(seed)
    normals = [source.gauss(0, 1) for _ in range(count)]

    def with_width(sigma):
        return [min(cap, int(median * math.exp(sigma * z))) for z in normals]

    low, high = 0.1, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        if sum(with_width(middle)) < total:
            low = middle
        else:
            high = middle
    return with_width(high)


def make_tree(path, count, total, seed=20260000, fan_out=100):
    """`count` files of about `total` bytes in directories of `fan_out`, half text, half incompressible."""
    os.makedirs(path)
    text = text_pool(12 << 20, seed)
    noise = random.Random(seed + 2).randbytes(12 << 20)
    choose = random.Random(seed + 3)
    written = 0
    for index, size in enumerate(sizes(count, total, seed)):
        directory = os.path.join(path, f"d{index // (fan_out * 20):03}", f"e{index // fan_out % 20:02}")
        if index % fan_out == 0:
            os.makedirs(directory, exist_ok=True)
        pool = text if choose.random() < 0.5 else noise
        start = choose.randrange(len(pool) - size)
        name = os.path.join(directory, f"f{index:07}.{'txt' if pool is text else 'bin'}")
        with open(name, "wb", buffering=0) as file:
            # A head of its own, so that no two files are equal.
            file.write((b"%012d" % index)[:size] + pool[start + 12 : start + size])
        when = 1_600_000_000_000_000_000 + index * 1_000_003
        os.utime(name, ns=(when, when))
        written += size
    # In the past: rsync takes two directory times of the same second for equal.
    for number, (directory, _, _) in enumerate(os.walk(path)):
        when = 1_650_000_000_000_000_000 + number * 1_000_003
        os.utime(directory, ns=(when, when))
    return written


def make_flat(path, count):
    """`count` files of some hundred bytes in one directory, `flat`."""
    directory = os.path.join(path, "flat")
    os.makedirs(directory)
    for index in range(count):
        with open(os.path.join(directory, f"f{index:06}"), "wb", buffering=0) as file:
            file.write(b"%012d" % index * (10 + index % 40))


def make_large(path, size, seed=20260001):
    """One file of random bytes, `large`."""
    os.makedirs(path)
    source = random.Random(seed)
    with open(os.path.join(path, "large"), "wb", buffering=0) as file:
        for start in range(0, size, 1 << 20):
            file.write(source.randbytes(min(1 << 20, size - start)))


def digest(path):
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").digest()


def facts(path):
    """name -> (kind, mode, mtime in ns, size, SHA-256 or link target) of everything below `path`."""
    found = {}
    pending = [(os.fsencode(path), b"")]
    while pending:
        directory, prefix = pending.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name == b".headwater":
                    continue
                name = prefix + entry.name
                status = entry.stat(follow_symlinks=False)
                mode, kind = stat.S_IMODE(status.st_mode), stat.S_IFMT(status.st_mode)
                if kind == stat.S_IFDIR:
                    found[name] = ("d", mode, status.st_mtime_ns)
                    pending.append((entry.path, name + b"/"))
                elif kind == stat.S_IFLNK:
                    found[name] = ("l", os.readlink(entry.path))
                elif kind == stat.S_IFREG:
                    found[name] = ("f", mode, status.st_mtime_ns, status.st_size, digest(entry.path))
    return found


def differences(left, right):
    """The first names whose facts differ."""
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))[:5]
