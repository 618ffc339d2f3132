"""Boot once, fork per test: one boot for all processes of a run."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _native
from ._blocking import Board

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import StartOptions

Path_ = str | Path


def _digest(ready: Any) -> str:
    """Changes when the code does that makes a board ready: the file that it is in counts as a whole."""
    if not callable(ready):
        return repr(ready)
    source = inspect.getsourcefile(ready)
    code = Path(source).read_bytes() if source is not None else repr(ready).encode()
    return hashlib.sha256(code).hexdigest()


def _native_once(firmware: Any, ready: Any, wrap: Callable[[_native.Board], Any], options: Any) -> _native.BootOnce:
    def start() -> Any:
        return _native.Board.start(firmware, **options)

    def made_ready(board: _native.Board) -> Any:
        if isinstance(ready, str):
            return board.console.expect(ready, within=60.0)
        answer = ready(wrap(board))
        return answer if isinstance(answer, _native.Wait) else None

    place = ready if isinstance(ready, str) else f"{ready.__module__}.{ready.__qualname__}"
    return _native.BootOnce(start, made_ready, place=place, build=_digest(ready))


class BootOnce:
    """A board that is booted once and forked for every test, in whatever process of a run the test is.

    `ready` is the text that the console prints when the board has booted, or a function that is called with the board and returns when
    it has. Its source file counts: when it changes, the board is booted again. A board that cannot be forked is booted for every test.
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        firmware: Path_ | None = None,
        *,
        ready: str | Callable[[Board], object],
        **options: Unpack[StartOptions],
    ) -> None:
        self._native = _native_once(firmware, ready, Board._of, options)

    def fork(self) -> Board:
        """A fork of the booted board for the test that runs now. The first one to ask boots it."""
        fork: Board = Board._of(self._native.fork().wait())
        return fork
