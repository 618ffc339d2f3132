"""Exceptions of the library. Each carries the state of its board at that moment."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import Scene


class EspalierError(Exception):
    """A board did not do as it was told or expected.

    Its text has the cause, and the scene: the end of the console, the network's traffic, the screen, the folder with all of it.
    """

    cause: str
    """The cause alone."""
    scene: Scene | None
    """The state of the board, if one was involved."""

    def __init__(self, message: str, cause: str = "", scene: Scene | None = None) -> None:
        super().__init__(message)
        self.cause = cause or message
        self.scene = scene


class TimeoutError(EspalierError, builtins.TimeoutError):
    """An awaited event did not come in time; the time is the board's."""


class UnsupportedError(EspalierError):
    """This kind of board lacks an ability; `Board.needs` skips a test that needs it."""


class ExpectationError(EspalierError, AssertionError):
    """LEDs, a part or the buzzer did something else than expected."""


class GoldenError(ExpectationError):
    """A display does not show its golden picture."""


class ConnectionRefusedError(EspalierError, builtins.ConnectionRefusedError):
    """The board refused a connection."""


class ConnectionClosedError(EspalierError, builtins.ConnectionResetError):
    """A connection ended before the awaited bytes came."""


class MicroPythonError(EspalierError):
    """A script raised an exception on the board, or the board went down with it."""

    kind: str | None = None
    """The exception's class on the board, such as `ZeroDivisionError`; `None` if the board itself was lost."""
    output: str = ""
    """The script's output before."""
    traceback: str = ""
    """The traceback as the board printed it."""


class HaltedError(EspalierError):
    """The board can go no further: a strict one touched unmodelled hardware, or an emulated chip came to its end."""


class FirmwareError(EspalierError):
    """The firmware cannot be read, or does not fit the board."""


class BoardError(EspalierError):
    """There is no such board, or it cannot be used."""


class NotThereError(EspalierError, LookupError):
    """The board has no such part, property, pin or UART, or the world no such board."""


class SnapshotError(EspalierError):
    """A file holds no board or world that this version can go on with."""


class AirError(EspalierError):
    """A network or a station in the air is not as it should be."""


class FileError(EspalierError):
    """A file of this computer cannot be read or written."""
