"""The keywords with which a board is started."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from ._parts import OwnPart


class StartOptions(TypedDict, total=False):
    """The optional keywords of `Board.start`."""

    flash: bool
    model: str | None
    board: str | None
    name: str | None
    seed: int
    strict: bool
    allow: Sequence[str]
    goldens: str | PathLike[str] | None
    artefacts: str | PathLike[str] | None
    bless: bool | None
    partition_table: int | None
    parts: dict[str, OwnPart]
