"""Parts of a test's own: on I2C, on SPI, at a UART, at single pads; and what they raise."""

import asyncio
import threading
from pathlib import Path

import espalier
import pytest
from conftest import ROOT
from espalier import Board, aio

OFFICIAL = ROOT / "target/images/ESP32_GENERIC-20240602-v1.23.0.bin"

pytestmark = pytest.mark.skipif(not OFFICIAL.exists(), reason=f"{OFFICIAL.name} is not there: run ci/fetch-images")


def start(folder: Path, parts: dict[str, espalier.OwnPart], **pads: int) -> Board:
    """A board with one part of a test's own, called `own`, at the prompt of MicroPython."""
    [kind] = parts
    keys = "".join(f"{key} = {gpio}\n" for key, gpio in pads.items())
    file = folder / "own.toml"
    file.write_text(f'extends = "esp32-devkit"\n[[part]]\nkind = "{kind}"\nname = "own"\n{keys}', encoding="utf-8")
    board = Board.start(OFFICIAL, model=str(file), parts=parts)
    board.console.expect(">>> ", within=5)
    return board


class Fan:
    """A device on I2C: a duty, and half of it as the speed."""

    address = 0x2F

    def __init__(self) -> None:
        self.duty = 0
        self.written: list[tuple[int, int]] = []

    def read(self, register: int) -> int:
        if register == 0xEE:
            raise OSError("the fan is stuck")
        return self.duty // 2 if register == 0x74 else 0

    def write(self, register: int, value: int) -> None:
        self.written.append((register, value))
        if register == 0x30:
            self.duty = value


def test_device_of_a_test(tmp_path: Path) -> None:
    file, saved = tmp_path / "fan.toml", tmp_path / "booted.espalier"
    file.write_text('[[part]]\nkind = "fan"\nname = "cooling"\nscl = 22\nsda = 21\n', encoding="utf-8")
    fan = Fan()
    board = Board.start(OFFICIAL, model=str(file), parts={"fan": fan})
    board.console.expect(">>> ", within=5)
    python = board.micropython
    python.exec("from machine import I2C, Pin\ni = I2C(0, scl=Pin(22), sda=Pin(21))")
    assert python.eval("i.scan()") == "[47]"
    python.exec("i.writeto_mem(0x2F, 0x30, bytes([200, 7]))")
    device = board.part("cooling").device
    assert (device.duty, device.written) == (200, [(0x30, 200), (0x31, 7)])
    assert fan.duty == 0, "the board has a copy"
    assert python.eval("list(i.readfrom_mem(0x2F, 0x74, 2))") == "[100, 0]"
    device.duty = 20
    assert python.eval("list(i.readfrom_mem(0x2F, 0x74, 1))") == "[10]"
    fork = board.fork()
    fork.micropython.exec("i.writeto_mem(0x2F, 0x30, b'\\x02')")
    assert (fork.part("cooling").device.duty, device.duty) == (2, 20)
    board.save(saved)
    loaded = Board.load(saved, parts={"fan": Fan()})
    assert loaded.part("cooling").device.written == [(0x30, 200), (0x31, 7)]
    with pytest.raises(espalier.EspalierError, match="fan"):
        Board.load(saved)
    with pytest.raises(OSError, match="the fan is stuck") as raised:
        python.eval("list(i.readfrom_mem(0x2F, 0xEE, 1))")
    assert raised.traceback[-1].name == "read", "its own traceback"
    board.run_for(0.001)
    for wrong, missing in [(object(), "neither"), (type("Half", (), {"address": 1, "read": print})(), "`write`")]:
        with pytest.raises(TypeError, match=missing):
            Board.start(OFFICIAL, model=str(file), parts={"fan": wrong})
    with pytest.raises(espalier.NotThereError):
        _ = board.part("heater").device


class Inverter:
    """On SPI: answers each byte with its complement."""

    dc = True

    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []
        self.ends = 0

    def select(self) -> int:
        return 0xA5

    def exchange(self, byte: int, data: bool) -> int:
        if byte == 0xEE:
            raise OSError("the inverter is hot")
        self.seen.append((byte, data))
        return byte ^ 0xFF

    def deselect(self) -> None:
        self.ends += 1


def test_device_on_spi(tmp_path: Path) -> None:
    board = start(tmp_path, {"inverter": Inverter()}, sck=18, mosi=23, miso=19, cs=5, dc=4)
    python = board.micropython
    python.exec("from machine import Pin, SPI\ncs = Pin(5, Pin.OUT, value=1)\ndc = Pin(4, Pin.OUT, value=1)")
    python.exec("s = SPI(2, 1000000, sck=Pin(18), mosi=Pin(23), miso=Pin(19))\nb = bytearray([1, 2, 3])")
    python.exec("cs(0)\ns.write_readinto(b, b)\ncs(1)")
    assert python.eval("list(b)") == "[165, 254, 253]"
    python.exec("dc(0)\ncs(0)\ns.write(b'\\x07')\ncs(1)")
    device = board.part("own").device
    assert device.seen == [(1, True), (2, True), (3, True), (7, False)] and device.ends == 2
    with pytest.raises(OSError, match="the inverter is hot") as raised:
        python.exec("cs(0)\ns.write(b'\\xee')\ncs(1)")
    assert raised.traceback[-1].name == "exchange"


class Modem:
    """At a UART: answers lines, and rings after a while."""

    baud = 9600

    def __init__(self) -> None:
        self.line = b""
        self.rings: float | None = None

    def receive(self, byte: int) -> bytes | None:
        self.line += bytes([byte])
        if byte != ord("\n"):
            return None
        answer, self.line = b"OK " + self.line, b""
        return answer

    def deadline(self) -> float | None:
        return self.rings

    def advance(self, now: float) -> bytes | None:
        if self.rings is None or now < self.rings:
            return None
        self.rings = None
        return b"RING\n"


def test_device_at_a_uart(tmp_path: Path) -> None:
    board = start(tmp_path, {"modem": Modem()}, txd=16, rxd=17)
    python = board.micropython
    python.exec("from machine import UART\nimport time\nu = UART(1, 9600, tx=17, rx=16)\nu.write('AT\\n')")
    assert python.eval("time.sleep_ms(500) or u.read()") == "b'OK AT\\n'"
    board.part("own").device.rings = board.now + 0.2
    board.part("own").update()
    assert python.eval("time.sleep_ms(500) or u.read()") == "b'RING\\n'"
    assert board.part("own").device.rings is None


class Gate:
    """At pads: inverts one, gives a voltage, and pulls a third down."""

    pads = {"input": "hears", "output": "drives", "level": "analog", "open": "shares"}

    def __init__(self) -> None:
        self.input = True
        self.volts = 1.0
        self.edges: list[bool] = []

    def sense(self, pad: str, level: bool, at: float) -> None:
        if pad == "input":
            self.input = level
            self.edges.append(level)

    def drive(self, pad: str) -> bool | float | str | None:
        if pad == "output":
            return not self.input
        return self.volts if pad == "level" else "pull-up"


def test_device_at_pads(tmp_path: Path) -> None:
    board = start(tmp_path, {"gate": Gate()}, input=25, output=26, level=34, open=27)
    python = board.micropython
    python.exec("from machine import ADC, Pin\no = Pin(25, Pin.OUT, value=1)\ni = Pin(26, Pin.IN)\na = ADC(Pin(34), atten=ADC.ATTN_11DB)")
    assert python.eval("i(), o(0), i(), o(1), i(), Pin(27, Pin.IN)()") == "(0, None, 1, None, 0, 1)"
    before = int(python.eval("a.read_uv()"))
    device = board.part("own").device
    assert device.edges[-2:] == [False, True]
    device.volts = 2.0
    board.part("own").update()
    assert int(python.eval("a.read_uv()")) > before + 500_000
    fork = board.fork()
    fork.micropython.exec("o(0)")
    assert not fork.part("own").device.input and device.input


class Broken:
    """At pads: fails when it is asked."""

    pads = {"output": "drives"}

    def __init__(self) -> None:
        self.fails = False

    def drive(self, pad: str) -> bool:
        if self.fails:
            raise OSError(f"{pad} is broken")
        return True


def test_what_a_part_raises_fails_the_wait(tmp_path: Path) -> None:
    board = start(tmp_path, {"broken": Broken()}, output=26)
    device = board.part("own").device
    device.fails = True
    with pytest.raises(OSError, match="output is broken"):
        board.part("own").update()
    device.fails = False
    board.part("own").update()
    for attribute, value, reason in [("pads", {"a": "listens"}, "not hears, drives"), ("baud", 0, "not a rate"), ("address", "x", "not an address")]:
        wrong = Broken()
        setattr(wrong, attribute, value)
        with pytest.raises((TypeError, ValueError), match=reason):
            Board.start(OFFICIAL, parts={"wrong": wrong})


class Stray:
    """Changes every 20 microseconds, and fails once a thread of the world's own asks it."""

    pads = {"input": "hears"}

    def __init__(self) -> None:
        self.starter = threading.get_ident()
        self.due = 0.0

    def sense(self, pad: str, level: bool, at: float) -> None:
        pass

    def deadline(self) -> float | None:
        return self.due

    def advance(self, now: float) -> None:
        self.due = now + 20e-6
        if threading.get_ident() != self.starter:
            raise OSError("asked by a thread of the world")


# Both boards may fail in the same moment; the second exception is printed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_part_raises_on_a_thread_of_the_world_fails_the_wait_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "stray.toml"
    file.write_text('extends = "esp32-devkit"\n[[part]]\nkind = "stray"\nname = "own"\ninput = 26\n', encoding="utf-8")
    world = espalier.World(threads=2)
    for name in ("left", "right"):
        Board.start(OFFICIAL, model=str(file), parts={"stray": Stray()}, world=world, name=name)
    # The host decides which thread runs which board in each of the thousands of windows of this second.
    with pytest.raises(OSError, match="asked by a thread of the world") as raised:
        world.run_for(1.0)
    assert raised.traceback[-1].name == "advance", "its own traceback"
    world.run_for(0.0)


def test_what_a_part_raises_fails_what_is_awaited(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('extends = "esp32-devkit"\n[[part]]\nkind = "inverter"\nsck = 18\nmosi = 23\ndc = 4\n', encoding="utf-8")

    async def use() -> None:
        board = await aio.Board.start(OFFICIAL, model=str(file), parts={"inverter": Inverter()})
        await board.console.expect(">>> ", within=5)
        await board.micropython.exec("from machine import Pin, SPI\nSPI(2, 1000000, sck=Pin(18), mosi=Pin(23)).write(b'\\xee')")

    with pytest.raises(OSError, match="the inverter is hot"):
        asyncio.run(use())
