"""Fixtures of the command-line tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from program import MISSION, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    made = Cli(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mission(cli: Cli) -> str:
    return cli.write()


@pytest.fixture
def changed() -> Callable[..., str]:
    """Return the mission with texts in it replaced."""

    def change(*pairs: tuple[str, str]) -> str:
        text = MISSION
        for before, after in pairs:
            assert before in text, before
            text = text.replace(before, after)
        return text

    return change
