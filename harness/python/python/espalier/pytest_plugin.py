"""The plugin for pytest: a booted board for each test, a world, and the folder of a failure in its report.

Options and the settings of `pytest.ini` or `pyproject.toml` say what the variables `ESPALIER_*` say, so that boards that a test starts
itself follow them too: an option wins over a variable, and a variable over a setting.
"""

from __future__ import annotations

import os
import re
import shutil
import weakref
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import espalier
from espalier import _blocking, _native

if TYPE_CHECKING:
    from ._options import StartOptions

_PATHS = {"image": "ESPALIER_IMAGE", "goldens": "ESPALIER_GOLDENS"}
_WORDS = {"board": "ESPALIER_BOARD", "model": "ESPALIER_MODEL"}
_BLESS = "ESPALIER_BLESS"
_ARTEFACTS = "ESPALIER_ARTEFACTS"
_READY = "espalier_ready"
_HELP = {
    "board": "the board: emulator, qemu, bench, a serial port, rfc2217://host:port, or a name in bench.toml",
    "image": "the firmware that boards run",
    "model": "the board around the chip: esp32-devkit, mpython, or a TOML file",
    "goldens": "the folder of the golden pictures",
}
_SERVICE = re.compile(r"\bespalier\b")
_QEMU = "espalier-qemu"
_BEFORE = pytest.StashKey["weakref.WeakSet[Any]"]()
_CHANGED = pytest.StashKey[dict[str, str | None]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("espalier", "boards with an ESP32")
    for name, help in _HELP.items():
        group.addoption(f"--espalier-{name}", metavar=name.upper(), help=help)
        parser.addini(f"espalier_{name}", help)
    group.addoption("--bless", action="store_true", help="make the screens golden, where they differ")
    parser.addini(_READY, "the text that the console prints when a board has booted; tests get forks of it then")


def pytest_configure(config: pytest.Config) -> None:
    changed: dict[str, str | None] = {}

    def set_variable(name: str, value: object) -> None:
        changed[name] = os.environ.get(name)
        os.environ[name] = str(value)

    for option, variable in (_PATHS | _WORDS).items():
        given, setting = config.getoption(f"--espalier-{option}"), config.getini(f"espalier_{option}")
        if given is not None:
            set_variable(variable, config.invocation_params.dir / given if option in _PATHS else given)
        elif setting and variable not in os.environ:
            # The path of a board file is one too, and names of boards have no slash.
            is_path = option in _PATHS or setting.endswith(".toml")
            set_variable(variable, config.rootpath / setting if is_path else setting)
    if "ESPALIER_GOLDENS" not in os.environ:
        set_variable("ESPALIER_GOLDENS", config.rootpath / "tests/goldens")
    if _ARTEFACTS not in os.environ:
        set_variable(_ARTEFACTS, config.rootpath / "target/espalier")
    if config.getoption("--bless"):
        set_variable(_BLESS, 1)
    config.stash[_CHANGED] = changed
    _choose_service(config)


def _choose_service(config: pytest.Config) -> None:
    """Makes `--embedded-services espalier` known to pytest-embedded.

    The services of pytest-embedded are a list in its source. Its service for QEMU runs a program with QEMU's options, which
    `espalier-qemu` understands.
    """
    services = getattr(config.option, "embedded_services", None)
    if not services or not _SERVICE.search(services):
        return
    program = config.option.qemu_prog_path or shutil.which(_QEMU)
    if program is None:
        raise pytest.UsageError(f"the service espalier runs {_QEMU}, which is not on PATH: cargo install --path harness/serve")
    config.option.embedded_services = _SERVICE.sub("qemu", services)
    config.option.qemu_prog_path = program


def pytest_unconfigure(config: pytest.Config) -> None:
    for name, value in config.stash.get(_CHANGED, {}).items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def pytest_report_header() -> str:
    board, model = os.environ.get("ESPALIER_BOARD", "emulator"), os.environ.get("ESPALIER_MODEL", "esp32-devkit")
    return f"espalier: board {board}, model {model}"


@pytest.fixture(scope="session")
def espalier_options() -> StartOptions:
    """The keywords of `Board.start` for the fixture `board`; a `conftest.py` may have others."""
    return {}


@pytest.fixture(scope="session")
def espalier_ready(request: pytest.FixtureRequest) -> Any:
    """The text of a booted board, or a function that waits until its board has booted; `None` starts each test's board afresh."""
    return request.config.getini(_READY) or None


@pytest.fixture(scope="session")
def _espalier_booted(espalier_options: StartOptions, espalier_ready: Any) -> espalier.BootOnce | None:
    return None if espalier_ready is None else espalier.BootOnce(ready=espalier_ready, **espalier_options)


@pytest.fixture
def board(_espalier_booted: espalier.BootOnce | None, espalier_options: StartOptions) -> espalier.Board:
    """A board of the test's own. It has booted, if `espalier_ready` says how that is seen: once for all tests, in all processes."""
    if _espalier_booted is None:
        return espalier.Board.start(**espalier_options)
    return _espalier_booted.fork()


@pytest.fixture
def world() -> espalier.World:
    """A world without boards; `Board.start(..., world=world)` brings them into it."""
    return espalier.World()


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_BEFORE] = weakref.WeakSet(_blocking.BOARDS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo is not None:
        folders = sorted({str(folder) for folder in _left_behind(item, call.excinfo.value)})
        if folders:
            report.sections.append(("espalier", "files in " + "\n         ".join(folders)))
            report.user_properties.extend(("espalier_artefacts", folder) for folder in folders)
    return report


def _left_behind(item: pytest.Item, raised: BaseException) -> Iterable[Path]:
    """The folders of the test's boards, in which all files are now: the report holds on to boards that the test had."""
    before = item.stash.get(_BEFORE, weakref.WeakSet[Any]())
    boards: set[Any] = {board for board in _blocking.BOARDS if board not in before}
    given = getattr(item, "funcargs", {}).values()
    boards.update(value for value in given if isinstance(value, espalier.Board | _native.Board))
    for world in given:
        if isinstance(world, espalier.World | _native.World):
            boards.update(world.find(name) for name in world.names)
    for board in boards:
        yield board.leave_behind()
    scene = getattr(raised, "scene", None)
    if isinstance(raised, espalier.EspalierError) and scene is not None:
        yield scene.artefacts
