"""The code of the guide's page and of README, as a reader would take it."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT


def blocks(page: str, language: str) -> list[str]:
    """The code of a page in one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell of the reader's: the variables that this run has set are not there."""
    for name in ("BOARD", "MODEL", "IMAGE", "GOLDENS", "ARTEFACTS"):
        monkeypatch.delenv(f"ESPALIER_{name}", raising=False)


def test_the_guides_first_test_blesses_and_compares(pytester: pytest.Pytester, image: Path, goldens: Path) -> None:
    shutil.copy(image, pytester.path / "firmware.bin")
    [settings] = blocks("docs/src/python.md", "ini")
    test, _ = blocks("docs/src/python.md", "python")
    (pytester.path / "pytest.ini").write_text(settings, encoding="utf-8")
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests/test_client.py").write_text(test, encoding="utf-8")
    for options in (["--bless"], []):
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)
    name = "client-received-chinese.png"
    assert (pytester.path / "tests/goldens" / name).read_bytes() == (goldens / name).read_bytes()
    [readme] = blocks("README.md", "python")
    assert readme in test


def test_the_guides_program_for_asyncio_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, image: Path) -> None:
    shutil.copy(image, tmp_path / "firmware.bin")
    monkeypatch.chdir(tmp_path)
    _, program = blocks("docs/src/python.md", "python")
    exec(compile(program, "docs/src/python.md", "exec"), {"__name__": "__main__", "asyncio": asyncio})
