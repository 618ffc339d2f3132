"""The library for asyncio: the names of `espalier`, with methods that are awaited.

    board = await aio.Board.start("firmware.bin", model="mpython")
    await board.console.expect("ready", within=2)

An emulated board runs on the thread of the event loop, a slice of its time at each turn, so that what several tasks do to a board comes
in the same order every time. `asyncio.gather` of several waits shares the board's time among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ._boot import Path_, _native_once
from ._native import (
    Air,
    Board,
    Button,
    Buzzer,
    Console,
    Flasher,
    Leds,
    Listener,
    MicroPython,
    Network,
    Part,
    Peer,
    PeerStream,
    Pin,
    Probe,
    RunningScript,
    Screen,
    Sensor,
    Station,
    TouchPad,
    Uart,
    UdpSocket,
    Wait,
    World,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import StartOptions

__all__ = [
    "Air",
    "Board",
    "BootOnce",
    "Button",
    "Buzzer",
    "Console",
    "Flasher",
    "Leds",
    "Listener",
    "MicroPython",
    "Network",
    "Part",
    "Peer",
    "PeerStream",
    "Pin",
    "Probe",
    "RunningScript",
    "Screen",
    "Sensor",
    "Station",
    "TouchPad",
    "Uart",
    "UdpSocket",
    "Wait",
    "World",
]


class BootOnce:
    """A board that is booted once and forked for every test; see `espalier.BootOnce`.

    `ready` is the text that the console prints when the board has booted, or a function that returns the wait for it.
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        firmware: Path_ | None = None,
        *,
        ready: str | Callable[[Board], Wait[object]],
        **options: Unpack[StartOptions],
    ) -> None:
        self._native = _native_once(firmware, ready, lambda board: board, options)

    def fork(self) -> Wait[Board]:
        """A fork of the booted board for the test that runs now. The first one to ask boots it."""
        return self._native.fork()
