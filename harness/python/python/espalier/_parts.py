"""Parts of a test's own."""

from __future__ import annotations

from typing import Protocol


class Device(Protocol):
    """A device on an I2C bus with registers of one byte.

    A board has a copy of it for each part of its kind, and a fork has copies of those: its attributes are its state. In files of a
    board they are numbers, texts, bytes, and collections of them.
    """

    address: int
    """Its address on the bus, unless the board file says another one."""

    def read(self, register: int) -> int:
        """The firmware reads a register."""

    def write(self, register: int, value: int) -> None:
        """The firmware writes a register."""
