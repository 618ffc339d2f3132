"""Boards in programs that block."""

import builtins
import hashlib
import signal
import threading
import unittest
from collections.abc import Iterator
from pathlib import Path

import espalier
import pytest
from espalier import Board


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """A test that hangs fails instead."""
    signal.alarm(300)
    yield
    signal.alarm(0)


def test_wait_that_ends_in_vain_has_its_scene(board: Board, tmp_path: Path) -> None:
    with pytest.raises(espalier.TimeoutError) as raised:
        board.console.expect("a text that never comes", within=0.5)
    error = raised.value
    assert isinstance(error, builtins.TimeoutError)
    assert error.cause.startswith("waited 0.500000s of board time")
    assert error.scene is not None and error.scene.kind == "emulated"
    assert any("@event address" in line.text for line in error.scene.console)
    assert str(error.scene.artefacts) in str(error)
    assert error.scene.artefacts.name == "test_blocking.test_wait_that_ends_in_vain_has_its_scene"


def test_groups_of_an_expression_have_numbers_and_names(board: Board) -> None:
    board.console.send_line("status")
    found = board.console.expect_regex(r"@status (?P<word>\w+)=(\S+)", within=2)
    assert found[0] == found.text and found["word"] == found[1]
    assert found.groupdict() == {"word": found[1]} and found.groups() == [found[1], found[2]]
    with pytest.raises(IndexError, match="no group 3"):
        found[3]


def test_pictures_are_bytes_and_files(board: Board) -> None:
    picture = board.screen.settled()
    assert picture.png().startswith(b"\x89PNG") and len(picture.pixels()) == picture.width * picture.height
    assert sum(picture.pixels()) > 0 and picture.region(0, 0, 8, 8).width == 8
    with pytest.raises(espalier.GoldenError, match="differs from its golden picture") as raised:
        picture.assert_golden("client-closed")
    assert isinstance(raised.value, AssertionError) and raised.value.scene is not None
    assert (raised.value.scene.artefacts / "client-closed.diff.png").is_file()


def test_forks_and_files_go_on_alike(board: Board, tmp_path: Path) -> None:
    board.save(tmp_path / "board.espalier")
    assert Board.is_saved(tmp_path / "board.espalier")
    boards = [board, board.fork(), Board.load(tmp_path / "board.espalier")]
    hashes = set()
    for each in boards:
        each.console.send_line("hello")
        each.console.expect("@hello espalier-app")
        each.run_for(0.1)
        hashes.add((each.trace_hash(), each.now))
    assert len(hashes) == 1
    (tmp_path / "board.espalier").write_bytes(b"no board")
    with pytest.raises(espalier.SnapshotError):
        Board.load(tmp_path / "board.espalier")


def test_pins_parts_and_abilities(board: Board) -> None:
    pin = board.pin(18)
    edges = pin.edges()
    pin.drive(True)
    assert pin.goes_high(within=0.1) <= board.now
    pin.release()
    assert edges.count() >= 1 and edges.list()[0].rises
    board.button("a").click()
    with pytest.raises(espalier.NotThereError, match="it has a, b"):
        board.button("c").press()
    assert board.supports("fork")
    board.needs("fork", "faults")
    with pytest.raises(ValueError, match="is no ability"):
        board.supports("flying")


def test_faults_and_power(board: Board) -> None:
    board.network.cut_cable()
    board.console.expect("@event link down")
    board.network.restore_cable()
    board.console.expect("@event link up")
    with pytest.raises(ValueError, match="none of"):
        board.network.set_faults(direction="up")
    board.cut_power()
    assert not board.is_powered
    board.power_on()
    board.console.expect("@event address ", within=30)
    board.reset(download=True)
    board.console.expect("waiting for download")


def test_streams_that_were_given_up_say_so(board: Board) -> None:
    with board.peer.listen(5001) as listener:
        board.console.send_line(f"client {board.peer.address} 5001")
        stream = listener.accept()
    with pytest.raises(ValueError, match="given up"):
        listener.accept()
    stream.abort()
    with pytest.raises(ValueError, match="given up"):
        stream.send("x")
    with pytest.raises(espalier.ConnectionRefusedError) as raised:
        board.peer.connect(4)
    assert isinstance(raised.value, builtins.ConnectionRefusedError)
    with pytest.raises(ValueError, match="seconds"):
        board.run_for(-1)


def test_ctrl_c_ends_a_wait(board: Board) -> None:
    main = threading.main_thread().ident
    assert main is not None
    # A shell starts jobs in the background with the signal ignored, and then Python leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            board.run_for(1e9)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    # The board is as it was, and goes on.
    board.console.send_line("hello")
    board.console.expect("@hello espalier-app")


def test_firmware_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(espalier.EspalierError, match="nothing.bin"):
        Board.start(tmp_path / "nothing.bin")
    with pytest.raises(espalier.BoardError, match="toaster"):
        Board.start(model="toaster")


def test_boards_of_a_world_share_its_time(world: espalier.World) -> None:
    first = Board.start(world=world, name="first")
    Board.start(world=world, name="second")
    assert world.names == ["first", "second"]
    first.console.expect("@event started", within=5)
    assert world.find("second").now == first.now == world.now
    fork = world.fork()
    fork.run_for(0.5)
    assert fork.now > world.now
    fork.find("second").console.expect("@event address ", within=30)
    with pytest.raises(espalier.NotThereError, match="it has first, second"):
        world.find("third")


class InUnittest(unittest.TestCase):
    """The library needs no pytest."""

    def test_ability_that_a_board_lacks_skips(self) -> None:
        self.assertTrue(issubclass(espalier.GoldenError, self.failureException))


def test_flasher_writes_and_reads_through_the_download_mode(board: Board) -> None:
    flasher = board.flasher()
    assert flasher.chip == "esp32" and flasher.flash_size == 8 << 20 and flasher.mac
    page = bytes(range(256)) * 16
    assert flasher.write(0x3F0000, page) and not flasher.write(0x3F0000, page)
    assert flasher.read(0x3F0000, 512) == page[:512] and flasher.md5(0x3F0000, 4096) == hashlib.md5(page).digest()
    flasher.verify(0x3F0000, page)
    with pytest.raises(espalier.FirmwareError):
        flasher.verify(0x3F0000, page[::-1])
    flasher.erase(0x3F0000, 4096)
    assert flasher.read(0x3F0000, 4) == b"\xff" * 4
    flasher.finish()
    board.console.expect("@event address", within=30)
    with pytest.raises(ValueError, match="is finished, busy"):
        flasher.read(0, 4)


def test_coverage_is_a_tracefile(board: Board, image: Path) -> None:
    board.cover()
    board.console.send_line("status")
    board.console.expect("@status", within=5)
    traced = board.coverage(image.with_suffix(".elf"))
    assert traced.startswith("TN:") and "DA:" in traced and "FNDA:" in traced


def test_explorations_find_what_breaks(board: Board) -> None:
    board.console.take_unread()

    def scenario(board: Board) -> None:
        board.console.send_line("status")
        board.console.expect("@status", within=5)

    def holds(board: Board, case: str) -> None:
        assert board.crash() is None, case

    def breaks(board: Board, case: str) -> None:
        assert "button a" not in case, f"after {case}"

    inputs = [espalier.Input.press("a"), espalier.Input.uart(2, b"x"), espalier.Input.pulse(25, True)]
    explored = espalier.explore_inputs(board, inputs, scenario, holds, moments=3, threads=2)
    assert (explored.tried, explored.findings) == (9, []) and "nothing found" in str(explored)
    explored.check()
    explored = espalier.explore_inputs(board, inputs, scenario, breaks, moments=3)
    assert "button a is pressed" in explored.findings[0].case and "after" in explored.findings[0].message
    with pytest.raises(espalier.ExpectationError, match="button a is pressed"):
        explored.check()
    # The tutorial writes nothing, so a cut makes no difference, and says little, so few frames can go wrong.
    assert espalier.power_cuts(board, scenario, holds).tried <= 1
    espalier.network_faults(board, scenario, holds, frames=2, pairs=0, threads=1).check()
    with pytest.raises(RuntimeError, match="of the scenario"):
        espalier.power_cuts(board, lambda _: (_ for _ in ()).throw(RuntimeError("of the scenario")), holds)
