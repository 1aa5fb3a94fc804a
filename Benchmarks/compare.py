"""A comparison of trees that shares nothing with the product: path, kind, mode, mtime in ns, size, content, link."""

import hashlib
import itertools
import os
import stat


def records(path, coarse=False):
    """One line of facts for everything below `path`, in an order that depends on names only.

    With `coarse`, for a tool that keeps no more: times of files in seconds, none of directories.
    """
    yield from _below(os.fsencode(path), b"", coarse)


def _below(directory, prefix, coarse):
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if not prefix and entry.name == b".headwater":
            continue
        name = prefix + entry.name
        status = entry.stat(follow_symlinks=False)
        kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
        time = status.st_mtime_ns
        if coarse:
            time = 0 if kind == stat.S_IFDIR else time // 1_000_000_000
        facts = b"%d %o %d " % (kind, mode, time)
        if kind == stat.S_IFDIR:
            yield name, facts
            yield from _below(entry.path, name + b"/", coarse)
        elif kind == stat.S_IFLNK:
            yield name, b"%d %d " % (kind, time) + os.readlink(entry.path)
        elif kind == stat.S_IFREG:
            yield name, facts + b"%d " % status.st_size + content(entry.path, status.st_size)
        else:
            yield name, facts


def content(path, size):
    with open(path, "rb", buffering=0) as file:
        if size > 8 << 20:
            return hashlib.file_digest(file, "sha256").digest()
        return hashlib.sha256(file.read()).digest()


def digest(path, coarse=False):
    whole = hashlib.sha256()
    for name, facts in records(path, coarse):
        whole.update(b"%d %d " % (len(name), len(facts)) + name + facts)
    return whole.hexdigest()


def differences(left, right, coarse=False, count=5):
    """The first names whose facts differ."""
    found = []
    for one, other in itertools.zip_longest(records(left, coarse), records(right, coarse)):
        if one != other:
            found.append(" / ".join(record[0].decode(errors="replace") if record else "nothing" for record in (one, other)))
            if len(found) == count:
                break
    return found
