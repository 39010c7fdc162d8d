"""Filling values into text, and finding them in JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.labs.places import as_text, fill_command, fill_template, json_path

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS)
def test_a_number_written_as_text_is_the_same_number_when_read(number: float) -> None:
    assert float(as_text(number)) == number


@given(NUMBERS, st.text(alphabet="abc {}$'\"", max_size=10))
def test_a_filled_value_is_never_filled_again(number: float, level: str) -> None:
    assert fill_command("{a}|{b}", {"a": level, "b": number}) == f"{level}|{as_text(number)}"
    assert fill_template("{{ a }}|{{ b }}", {"a": level, "b": number}) == f"{level}|{as_text(number)}"


def test_names_may_have_blanks_and_bars() -> None:
    assert fill_template("{{ T in | °C }} {{T in | °C|.1f}}", {"T in | °C": 2.0}) == "2 2.0"


@pytest.mark.parametrize(
    ("path", "found"),
    [("$", {"a": [{"b c": 1}, 2]}), ("a[1]", 2), ("$.a[-1]", 2), ("$['a'][0][\"b c\"]", 1), (".a[0]['b c']", 1)],
)
def test_a_path_finds_what_it_says(path: str, found: object) -> None:
    assert json_path(path)({"a": [{"b c": 1}, 2]}) == found


@pytest.mark.parametrize("path", ["a[", "a[x]", "$.a[*]", "a[?(@.x)]", "$..a", "a['b]"])
def test_a_path_that_could_find_several_things_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        json_path(path)


@pytest.mark.parametrize("path", ["b", "a.b", "a[2]", "a[1][0]", "a[0].c"])
def test_a_path_that_leads_nowhere_raises_what_the_lab_catches(path: str) -> None:
    with pytest.raises(LookupError):
        json_path(path)({"a": [{"b c": 1}, 2]})
