"""Boards with the tutorial's firmware, booted once."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def image() -> Path:
    return ROOT / "fixtures/firmware/tutorial-esp32.bin"


@pytest.fixture(scope="session")
def goldens() -> Path:
    return ROOT / "fixtures/goldens/app"
