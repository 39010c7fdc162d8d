"""What people call a campaign, a mission or a question leads to its stream, and never to one of another kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgenesis.app.platform import Platform, open_platform, streams_called
from kgenesis.campaign.events import StopAsked
from kgenesis.kernel.ids import StreamId

IDS = ("cmp_aa1", "mis_aa1", "cmp_aa", "cmp_b", "qst_cmp_b")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    opened = open_platform(str(tmp_path / "store.db"))
    for id_ in IDS:
        opened.store.append(StreamId(id_), 0, [StopAsked()])
    yield opened
    opened.store.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cmp_aa", ["cmp_aa"]),  # whole, although another begins like it
        ("aa", ["cmp_aa1", "cmp_aa"]),
        ("aa1", ["cmp_aa1"]),
        ("cmp_a", ["cmp_aa1", "cmp_aa"]),
        ("last", ["cmp_b"]),
        ("mis_aa1", []),
        ("1", []),
        ("", []),
    ],
)
def test_a_campaign_is_found_by_its_id_or_the_beginning_of_it(
    platform: Platform, name: str, expected: list[str]
) -> None:
    assert streams_called(platform, "cmp_", name) == expected


def test_where_there_is_nothing_there_is_no_last(platform: Platform) -> None:
    assert streams_called(platform, "tst_", "last") == []
