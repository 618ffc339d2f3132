"""The debug probe, in a build that has it."""

import os

import espalier
import pytest
from conftest import ROOT
from espalier import Board

TUTORIAL = ROOT / "fixtures/firmware/tutorial-esp32.bin"
ENTRY = 0x4008_03EC
"""The entry point of the committed ELF file."""
FREE_RAM = 0x3FFC_0000


def test_probe() -> None:
    board = Board.start(TUTORIAL, model="mpython")
    board.console.expect("@event address", within=5)
    try:
        probe = board.probe()
    except espalier.UnsupportedError as reason:
        # ci/check-probe has a build with it.
        assert "--features probe" in str(reason) and "ESPALIER_PROBE" not in os.environ
        return
    assert not probe.is_halted(), "attaching does not stop it"
    pc = probe.halt()
    assert probe.is_halted() and probe.registers()["pc"] == pc
    probe.write(FREE_RAM, b"\x01\x02\x03\x04")
    assert probe.read(FREE_RAM, 4) == b"\x01\x02\x03\x04" and probe.read_word(FREE_RAM) == 0x0403_0201
    assert probe.backtrace()[0].startswith("0x4")
    probe.resume()
    assert not probe.is_halted()
    assert probe.reset_and_halt() == 0x4000_0400
    probe.set_breakpoint(ENTRY)
    probe.resume()
    assert probe.wait_for_halt(within=1) == ENTRY
    probe.clear_breakpoint(ENTRY)
    assert probe.step() != ENTRY
    probe.resume()
    with pytest.raises(ValueError, match="is no core"):
        probe.halt("third")
    del probe
    board.console.expect("@event address", within=5)
