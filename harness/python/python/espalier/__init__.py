"""Hardware-in-the-loop tests for ESP32 firmware, on an emulated board inside the test, in QEMU, or on a bench.

A board is started, its console expected and answered, its peer and its screen are there:

    import espalier

    board = espalier.Board.start("firmware.bin", model="mpython")
    board.console.expect("ready", within=2)
    board.screen.settled().assert_golden("menu")

Time is the board's, in seconds. `espalier.aio` has the same names for asyncio.
"""

from ._blocking import (
    Air,
    Board,
    Button,
    Buzzer,
    Console,
    Flasher,
    Leds,
    Listener,
    MicroPython,
    Part,
    Peer,
    PeerStream,
    Pin,
    RunningScript,
    Screen,
    Station,
    TouchPad,
    Uart,
    UdpSocket,
    World,
)
from ._boot import BootOnce
from ._errors import (
    AirError,
    BoardError,
    ConnectionClosedError,
    ConnectionRefusedError,
    EspalierError,
    ExpectationError,
    FileError,
    FirmwareError,
    GoldenError,
    HaltedError,
    MicroPythonError,
    NotThereError,
    SnapshotError,
    TimeoutError,
    UnsupportedError,
)
from ._explore import explore_inputs, network_faults, power_cuts
from ._native import (
    Captured,
    Edge,
    Edges,
    Explored,
    Finding,
    Input,
    Line,
    Match,
    Network,
    Picture,
    PinCapture,
    Scene,
    Sensor,
    Tone,
)

from ._parts import Device

__all__ = [
    "Air",
    "AirError",
    "Board",
    "BoardError",
    "BootOnce",
    "Button",
    "Buzzer",
    "Captured",
    "ConnectionClosedError",
    "ConnectionRefusedError",
    "Console",
    "Device",
    "Edge",
    "Edges",
    "EspalierError",
    "ExpectationError",
    "Explored",
    "FileError",
    "Finding",
    "FirmwareError",
    "Flasher",
    "GoldenError",
    "HaltedError",
    "Input",
    "Leds",
    "Line",
    "Listener",
    "Match",
    "MicroPython",
    "MicroPythonError",
    "Network",
    "NotThereError",
    "Part",
    "Peer",
    "PeerStream",
    "Picture",
    "Pin",
    "PinCapture",
    "RunningScript",
    "Scene",
    "Screen",
    "Sensor",
    "SnapshotError",
    "Station",
    "TimeoutError",
    "Tone",
    "TouchPad",
    "Uart",
    "UdpSocket",
    "UnsupportedError",
    "World",
    "explore_inputs",
    "network_faults",
    "power_cuts",
]
