"""MicroPython on the board: scripts, files, LEDs, tones, sensors, and Wi-Fi in both directions."""

from pathlib import Path

import espalier
import pytest
from conftest import ROOT
from espalier import Board

OFFICIAL = ROOT / "target/images/ESP32_GENERIC-20240602-v1.23.0.bin"
JOIN = """
import network, time
w = network.WLAN(network.STA_IF)
w.active(True)
w.connect("home", "correct horse")
while not w.isconnected(): time.sleep_ms(20)
print(w.ifconfig()[0])
"""
OPEN = """
import network, socket
a = network.WLAN(network.AP_IF)
a.active(True)
a.config(essid="board", authmode=network.AUTH_WPA2_PSK, password="12345678")
s = socket.socket()
s.bind(("", 80))
s.listen(1)
print("open")
c, _ = s.accept()
c.send(c.recv(100))
c.close()
"""

pytestmark = pytest.mark.skipif(not OFFICIAL.exists(), reason=f"{OFFICIAL.name} is not there: run ci/fetch-images")
BOOTED = espalier.BootOnce(OFFICIAL, model="mpython", ready=">>> ")


@pytest.fixture
def board() -> Board:
    return BOOTED.fork()


def test_scripts_and_their_exceptions(board: Board) -> None:
    python = board.micropython
    assert python.exec("print(6 * 7)") == "42\n" and python.eval("[1] * 2") == "[1, 1]"
    with pytest.raises(espalier.MicroPythonError) as raised:
        python.exec("print('before')\n1 / 0")
    assert (raised.value.kind, raised.value.output) == ("ZeroDivisionError", "before\n")
    assert "Traceback" in raised.value.traceback
    running = python.start("while True: pass")
    assert not running.has_ended()
    running.interrupt()
    python.soft_reset()


def test_files_of_the_board(board: Board, tmp_path: Path) -> None:
    python = board.micropython
    python.mkdir("data")
    python.put(b"\x00\xff", "data/bytes")
    assert python.get("data/bytes") == b"\x00\xff"
    (tmp_path / "hello.py").write_text("print('hello')\n", encoding="utf-8")
    python.put_file(tmp_path / "hello.py", "hello.py")
    assert {"data/", "hello.py"} <= set(python.list())
    assert python.run_file(tmp_path / "hello.py") == "hello\n"
    python.remove("hello.py")
    with pytest.raises(espalier.MicroPythonError, match="hello.py"):
        python.get("hello.py")


def test_outputs_and_sensors(board: Board) -> None:
    python = board.micropython
    python.exec("from machine import ADC, PWM, Pin\nfrom neopixel import NeoPixel\nn = NeoPixel(Pin(17, Pin.OUT), 3)")
    python.exec("n[0] = (1, 2, 3)\nn.write()")
    board.leds.expect([(1, 2, 3), (0, 0, 0), (0, 0, 0)])
    with pytest.raises(espalier.ExpectationError, match="the LEDs show"):
        board.leds.expect([(9, 9, 9)] * 3, within=0.01)
    python.exec("p = PWM(Pin(16), freq=440, duty=512)")
    assert round(board.buzzer.expect(440).frequency) == 440
    python.exec("p.deinit()")
    board.buzzer.expect_silence()
    board.sensor("light").set(1)
    assert int(python.eval("ADC(Pin(39), atten=ADC.ATTN_11DB).read()")) > 3000
    board.part("accelerometer")
    with pytest.raises(espalier.NotThereError):
        board.part("thermometer").get("temperature")


def test_networks_in_the_air(board: Board) -> None:
    board.air.access_point("home", "correct horse", channel=6)
    address = board.micropython.exec(JOIN, within=30).strip()
    assert address.startswith("10.0.2.") and len(board.air.stations("home")) == 1
    assert board.peer.ping(within=5) > 0
    board.micropython.exec("w.active(False)")
    running = board.micropython.start(OPEN)
    board.console.expect("open", within=10)
    phone = board.air.join("board", "12345678", within=30)
    assert phone.is_connected() and phone.ssid == "board"
    with phone.peer.connect(80, within=10) as socket:
        socket.send("hello")
        socket.expect("hello")
    running.finished()
    phone.leave()
    with pytest.raises(ValueError, match="has left"):
        phone.leave()
