"""Explorations: what a board does in the cases of which no test thinks.

A scenario is a function of a board, and an invariant one of the board behind it and of the case in words. Both block, are called on
several threads, each with a fork of its own, and fail by raising; a scenario of a power cut runs once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import _native
from ._blocking import Board

Scenario = Callable[[Board], object]
Invariant = Callable[[Board, str], object]


def _scenario(scenario: Scenario) -> Callable[[_native.Board], object]:
    return lambda board: scenario(Board._of(board))


def _invariant(invariant: Invariant) -> Callable[[_native.Board, str], object]:
    return lambda board, case: invariant(Board._of(board), case)


def _native_of(board: Board) -> _native.Board:
    native: Any = board
    found: _native.Board = native._native
    return found


def power_cuts(
    board: Board,
    scenario: Scenario,
    invariant: Invariant,
    *,
    moments: int = 1,
    seeds: int = 2,
    threads: int | None = None,
    only_what_is_read: bool = False,
) -> _native.Explored:
    """Cuts the board's power at every moment of a scenario at which it makes a difference, and tries an invariant on what boots then."""
    return _native.power_cuts(
        _native_of(board),
        _scenario(scenario),
        _invariant(invariant),
        moments=moments,
        seeds=seeds,
        threads=threads,
        only_what_is_read=only_what_is_read,
    )


def network_faults(
    board: Board,
    scenario: Scenario,
    invariant: Invariant,
    *,
    frames: int = 12,
    pairs: int = 3,
    findings: int = 1,
    threads: int | None = None,
) -> _native.Explored:
    """Runs a scenario once for each frame that is lost, doubled, late or overtaken, and tries an invariant behind it."""
    return _native.network_faults(
        _native_of(board),
        _scenario(scenario),
        _invariant(invariant),
        frames=frames,
        pairs=pairs,
        findings=findings,
        threads=threads,
    )


def explore_inputs(
    board: Board,
    inputs: Sequence[_native.Input],
    scenario: Scenario,
    invariant: Invariant,
    *,
    moments: int = 50,
    findings: int = 1,
    threads: int | None = None,
) -> _native.Explored:
    """Runs a scenario once for each input at each of so many moments, and tries an invariant behind it."""
    return _native.explore_inputs(
        _native_of(board),
        list(inputs),
        _scenario(scenario),
        _invariant(invariant),
        moments=moments,
        findings=findings,
        threads=threads,
    )
