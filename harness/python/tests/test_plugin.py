"""The plugin for pytest, in runs of pytest of their own."""

import json
import os
from pathlib import Path

import pytest

SETTINGS = """
[pytest]
espalier_model = mpython
espalier_image = {image}
espalier_ready = @event address 
"""


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell: the variables that this run has set are not there."""
    for name in [name for name in os.environ if name.startswith("ESPALIER_") or name.startswith("PYTEST_XDIST")]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(pytester: pytest.Pytester, image: Path) -> pytest.Pytester:
    pytester.makefile(".ini", pytest=SETTINGS.format(image=image))
    return pytester


def test_failure_names_its_folder_with_all_files(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        def test_asserts(board):
            board.console.send_line("hello")
            board.console.expect("@hello")
            assert board.kind == "bench"

        def test_waits(board):
            board.console.expect("never", within=0.1)

        def test_passes(board):
            board.console.send_line("hello")
            board.console.expect("@hello")
        """
    )
    result = project.runpytest_subprocess("--junit-xml=report.xml", "-o", "junit_family=xunit1")
    result.assert_outcomes(passed=1, failed=2)
    left = {folder.name: sorted(file.name for file in folder.iterdir()) for folder in project.path.glob("target/espalier/*/test_it.*")}
    assert sorted(left) == ["test_it.test_asserts", "test_it.test_waits"]
    for files in left.values():
        assert {"console.log", "network.pcap", "screen.png"} <= set(files)
    result.stdout.fnmatch_lines(["*- espalier -*", "files in */test_it.test_asserts", "*TimeoutError: waited 0.1*never*"])
    assert "test_it.test_waits" in (project.path / "report.xml").read_text()


def test_workers_boot_once(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import os
        import pytest

        @pytest.fixture(scope="session")
        def espalier_ready():
            def ready(board):
                with open(os.path.join(os.path.dirname(__file__), "boots"), "a") as boots:
                    boots.write("x")
                board.console.expect("@event address ", within=60)
            return ready
        """
    )
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_hello(board, number):
            board.console.send_line("hello")
            board.console.expect("@hello")
        """
    )
    for _ in range(2):
        project.runpytest_subprocess("-n", "2").assert_outcomes(passed=8)
    assert (project.path / "boots").read_text() == "x"
    # Code that makes the board ready is another one: it is booted again.
    with (project.path / "conftest.py").open("a") as conftest:
        conftest.write("# changed\n")
    project.runpytest_subprocess("-n", "2").assert_outcomes(passed=8)
    assert (project.path / "boots").read_text() == "xx"


def test_screens_are_blessed(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_screen(board):
            board.screen.settled().assert_golden("idle")
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no golden picture*tests/goldens/idle.png*"])
    project.runpytest_subprocess("--bless").assert_outcomes(passed=1)
    assert (project.path / "tests/goldens/idle.png").is_file()
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_options_choose_the_board(project: pytest.Pytester, image: Path, goldens: Path) -> None:
    (project.path / "pytest.ini").unlink()
    project.makepyfile(
        """
        import json, os

        def test_choice():
            with open("choice.json", "w") as file:
                json.dump({name: value for name, value in os.environ.items() if name.startswith("ESPALIER_")}, file)

        def test_board(board):
            board.console.expect("@event address ", within=30)
            board.screen.settled().assert_golden("idle")
        """
    )
    given = ["--espalier-board=emulator", f"--espalier-image={image}", "--espalier-model=mpython", f"--espalier-goldens={goldens}"]
    result = project.runpytest_subprocess(*given)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["espalier: board emulator, model mpython"])
    choice = json.loads((project.path / "choice.json").read_text())
    assert (choice["ESPALIER_BOARD"], choice["ESPALIER_MODEL"]) == ("emulator", "mpython")
    assert choice["ESPALIER_IMAGE"] == str(image) and "ESPALIER_BLESS" not in choice


def test_ability_that_a_board_lacks_skips_its_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_needs(board):
            board.needs("probe")
            raise AssertionError("the package has no debug probe")
        """
    )
    project.runpytest_subprocess("-rs").assert_outcomes(skipped=1)


EMBEDDED = """
def pytest_addoption(parser):
    parser.addoption("--embedded-services")
    parser.addoption("--qemu-prog-path")
"""


def test_service_of_pytest_embedded_is_qemus_with_another_program(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The options of pytest-embedded, without its fixtures, which start processes for each test.
    pytester.makepyfile(embedded=EMBEDDED)
    pytester.makepyfile(
        """
        def test_options(pytestconfig):
            print(pytestconfig.option.embedded_services, pytestconfig.option.qemu_prog_path)
        """
    )
    program = pytester.path / "bin/espalier-qemu"
    program.parent.mkdir()
    options = ["-p", "embedded", "-s", "--embedded-services", "idf,espalier|esp"]
    monkeypatch.setenv("PATH", "/nowhere")
    result = pytester.runpytest_subprocess(*options)
    result.stderr.fnmatch_lines(["*espalier-qemu, which is not on PATH*"])
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*idf,qemu|esp {program}"])
