"""Parts of a test's own: what an object is on its board, by the attributes and methods that it has.

A board has a copy of the object for each part of its kind, and a fork has copies of those: its attributes are its state. In files of a
board they are numbers, texts, bytes, and collections of them. What a method raises is raised again by the call that waits for the board.

Any of them may have `power_cycle(self) -> None`, called when the board is switched on, and both `deadline(self) -> float | None`, the
moment of the board's time at which the part changes by itself, and `advance(self, now: float) -> bytes | None`, called then.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias


class Device(Protocol):
    """A device on an I2C bus with registers of one byte. Its board file has `scl` and `sda`."""

    address: int
    """Its address on the bus, unless the board file says another one."""

    def read(self, register: int) -> int:
        """The firmware reads a register."""

    def write(self, register: int, value: int) -> None:
        """The firmware writes a register."""


class SpiDevice(Protocol):
    """A device on a SPI bus. Its board file has `sck`, and `mosi`, `miso` and `cs` as far as they are connected; `dc` if it has
    `dc = True`.

    It may have `select(self) -> int | None`, which returns the first byte that it sends, and `deselect(self) -> None`.
    """

    def exchange(self, byte: int, data: bool) -> int | None:
        """A byte has come in, with the level of D/C; returns the byte that is sent while the next one comes in."""


class UartDevice(Protocol):
    """A device on a UART, with frames of eight bits without parity. Its board file has `txd`, at which it sends, and `rxd`."""

    baud: int
    """Its rate in bits per second."""

    def receive(self, byte: int) -> bytes | None:
        """A byte has come in; returns what is to be sent."""


class PadDevice(Protocol):
    """A device at single pads. Its board file has each key of `pads`."""

    pads: dict[str, str]
    """The use of each pad: `hears`, `drives`, `shares` (both, as on a line with an open drain) or `analog`.

    With one that it hears, it has `sense(self, pad: str, level: bool, at: float) -> None`. With others, it has
    `drive(self, pad: str) -> bool | float | str | None`: a level, volts, `"pull-up"`, `"pull-down"`, or nothing.
    """


OwnPart: TypeAlias = Device | SpiDevice | UartDevice | PadDevice
