"""Ending well: whatever is begun is registered here, and is undone on every way out of the program.

A signal raises `Stopped` in the main thread, except within `whole()`, where it waits: there things come into being
that must be registered before anything may be interrupted.
"""

import contextlib
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    def __init__(self, number):
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


class Failed(Exception):
    """A run or a row has no result; the others go on."""


class Skipped(Exception):
    """This machine cannot do the row; the text says what it lacks."""


_depth = 0
_pending = None


def _caught(number, _frame):
    global _pending
    if _depth:
        _pending = number
    else:
        raise Stopped(number)


def install():
    """Also where SIGINT came ignored, as it does to what a shell starts in the background; nohup's SIGHUP stays so."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _caught)


@contextlib.contextmanager
def whole():
    """What is done within is not cut in two by a signal."""
    global _depth, _pending
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
    if not _depth and _pending is not None:
        number, _pending = _pending, None
        raise Stopped(number)


def in_peace():
    """From here on signals change nothing: what is left to do is to clean up, and that ends by itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
