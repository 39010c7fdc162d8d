"""Types of the fields of specifications; each refuses what YAML turns a careless word into."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from kgenesis.kernel.experiment import Value
from kgenesis.kernel.text import Wrong

_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Control characters: no sheet, screen or YAML file shows them."""

_NAME = r"^[^\s`\x00-\x1f\x7f-\x9f]([^`\x00-\x1f\x7f-\x9f]*[^\s`\x00-\x1f\x7f-\x9f])?$"


def _number(value: object) -> object:
    if isinstance(value, bool):
        word = str(value).lower()
        msg = f"{word} is not a number (YAML reads yes, no, on and off without quotes as true and false)"
        raise Wrong(msg, f"{word}은(는) 수가 아닙니다(YAML은 따옴표 없는 yes, no, on, off를 true, false로 읽습니다)")
    return value


def _text(value: object) -> object:
    if isinstance(value, bool | int | float):
        msg = f"{value!r} is not a text: put it in quotes (without them YAML reads no as false and 10 as a number)"
        raise Wrong(
            msg,
            f"{value!r}은(는) 문자열이 아닙니다. 따옴표로 감싸세요"
            "(따옴표가 없으면 YAML은 no를 false로, 10을 수로 읽습니다)",
        )
    if isinstance(value, str) and (value != value.strip() or _UNWRITABLE.search(value)):
        msg = f"{value!r} starts or ends with a blank, or has a control character"
        raise Wrong(msg, f"{value!r}의 앞뒤에 공백이 있거나 제어 문자가 있습니다")
    return value


def _name(value: object) -> object:
    value = _text(value)
    if isinstance(value, str) and "`" in value:
        msg = f"{value!r} has a backquote, which expressions use to quote names"
        raise Wrong(msg, f"{value!r}에 역따옴표(`)가 있습니다. 식에서 이름을 감쌀 때 쓰는 글자입니다")
    return value


def _unit(value: object) -> object:
    # `unit: 1` is the natural way to write a pure number in YAML
    return "1" if value == 1 and not isinstance(value, bool) else _text(value)


def _cell(value: object) -> object:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | str)):
        raise Wrong(
            f"{value!r} is neither a number nor a text (texts such as no stand in quotes)",
            f"{value!r}은(는) 수도 문자열도 아닙니다(no와 같은 문자열은 따옴표로 감싸세요)",
        )
    return value


ONLY_NUMBERS = BeforeValidator(_number)
"""Refuses true and false where a number is due. Stands after the bounds, so that the JSON Schema has them."""

Number = Annotated[float, ONLY_NUMBERS]
"""A finite number."""

Positive = Annotated[float, Field(gt=0), ONLY_NUMBERS]
"""A finite number above 0."""

NotNegative = Annotated[float, Field(ge=0), ONLY_NUMBERS]
"""A finite number, 0 or more."""

Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_NAME), BeforeValidator(_name)]
"""What a factor or an outcome is called."""

Level = Annotated[str, Field(min_length=1, max_length=1000), BeforeValidator(_text)]
"""What a level of a categorical factor is called; a molecule's SMILES may be long."""

Unit = Annotated[str, Field(max_length=60), BeforeValidator(_unit)]
"""A unit as `pint` reads it; `"1"` for a pure number."""

Cell = Annotated[Value, BeforeValidator(_cell)]
"""What a factor is set to, in a table or list a person wrote."""
