"""Deterministic trees for the benchmarks."""

import math
import os
import random

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
    _date_directories(path)
    return written


def make_tiny(path, count, seed=20260001, fan_out=200):
    """`count` files of up to 200 bytes."""
    os.makedirs(path)
    text = text_pool(1 << 20, seed)
    choose = random.Random(seed + 1)
    written = 0
    for index in range(count):
        if index % fan_out == 0:
            directory = os.path.join(path, f"d{index // (fan_out * 50):03}", f"e{index // fan_out % 50:02}")
            os.makedirs(directory, exist_ok=True)
        start = choose.randrange(len(text) - 200)
        content = b"%012d " % index + text[start : start + choose.randrange(188)]
        name = f"{directory}/f{index:07}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, content)
        os.close(descriptor)
        when = 1_600_000_000_000_000_000 + index * 1_000_003
        os.utime(name, ns=(when, when))
        written += len(content)
    _date_directories(path)
    return written


def make_noise(path, size, seed=20260002):
    """A directory with one file of random bytes, `noise.bin`."""
    os.makedirs(path)
    source = random.Random(seed)
    with open(f"{path}/noise.bin", "wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(source.randbytes(min(1 << 20, size - start)))
    os.utime(f"{path}/noise.bin", ns=(1_600_000_000_000_000_000,) * 2)
    _date_directories(path)
    return size


def make_renamed(path, count, total):
    """`count` files in the directory `set0`, and one file beside it that stays."""
    os.makedirs(path)
    written = make_tree(f"{path}/set0", count, total, seed=20260003)
    with open(f"{path}/stays", "wb") as file:
        file.write(b"stays\n")
    _date_directories(path)
    return written + 6


def _date_directories(path):
    # In the past: rsync takes two directory times of the same second for equal.
    for number, (directory, _, _) in enumerate(os.walk(path)):
        when = 1_650_000_000_000_000_000 + number * 1_000_003
        os.utime(directory, ns=(when, when))
