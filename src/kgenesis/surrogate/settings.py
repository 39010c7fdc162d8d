"""Read the settings of a surrogate, or say in both languages what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.text import say

if TYPE_CHECKING:
    from kgenesis.kernel.ports import PluginContext

Model = TypeVar("Model", bound=Frozen)


def read_settings(model: type[Model], context: PluginContext, name: str) -> Model:
    """Return the context's settings as a model.

    Raises:
        InvalidSpec: A setting is unknown or not valid.
    """
    try:
        return model.model_validate(dict(context.settings))
    except ValidationError as error:
        wrong = [
            Mistake(say(e["msg"], e["msg"]), ".".join(["surrogate.settings", *map(str, e["loc"])]))
            for e in error.errors()
        ]
        text = say(f"the settings of `{name}` are not valid", f"`{name}`의 설정이 올바르지 않습니다")
        raise InvalidSpec(text, wrong) from error
