"""Every example in the catalogue is taken or refused as it says, in both languages, and survives a round trip."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from kgenesis.campaign.spec import Mission
from kgenesis.kernel.text import Text

_found = importlib.util.spec_from_file_location("catalogue", Path(__file__).with_name("catalogue.py"))
catalogue = importlib.util.module_from_spec(_found)
_found.loader.exec_module(catalogue)


@pytest.mark.parametrize("name", catalogue.VALID)
def test_a_valid_mission_is_taken_and_survives_yaml_and_json(name):
    mission = Mission.model_validate(catalogue.VALID[name])
    plain = mission.model_dump(mode="json")
    assert Mission.model_validate(yaml.safe_load(yaml.safe_dump(plain, allow_unicode=True))) == mission
    assert Mission.model_validate_json(json.dumps(mission.model_dump(mode="json", exclude_defaults=True))) == mission
    assert Mission.model_validate(plain).spec_hash == mission.spec_hash


@pytest.mark.parametrize("name", catalogue.INVALID)
def test_an_invalid_mission_is_refused_naming_the_field_and_what_was_expected(name):
    given, place, words = catalogue.INVALID[name]
    with pytest.raises(ValidationError) as caught:
        Mission.model_validate(given)
    found = [(".".join(map(str, e["loc"])), e["msg"], e.get("ctx", {})) for e in caught.value.errors()]
    matching = [(where, context) for where, message, context in found if words in message]
    assert matching, found
    assert any(where == place for where, _ in matching), found
    for _, context in matching:
        raised = context.get("error")
        if raised is not None:  # ours, not pydantic's
            assert isinstance(raised.text, Text)
            assert raised.text.ko != raised.text.en


def test_the_catalogue_names_every_field_of_a_mission_at_least_once():
    used = {key for given in catalogue.VALID.values() for key in given}
    wrong = {place.split(".")[0] for _, place, _ in catalogue.INVALID.values()}
    never_wrong = {"summary", "field", "technology", "lab", "planner", "reference", "ordering", "stop_when_reached",
                   "retries", "timeout", "plannner"}  # fmt: skip
    assert set(Mission.model_fields) - used - wrong <= never_wrong


def test_the_schema_for_editors_can_be_made_and_describes_the_fields():
    schema = Mission.model_json_schema()
    assert "factors" in json.dumps(schema)
    assert json.loads(json.dumps(schema)) == schema
