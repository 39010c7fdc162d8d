"""A campaign taken away: whole, checkable, and safe to unpack."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from kgenesis.app.campaigns import open_campaign, read_campaign
from kgenesis.app.export import bundle, event_lines, export_campaign, mission_yaml, zipped
from kgenesis.app.mission_files import load_mission, parse_mission
from kgenesis.app.platform import open_platform
from kgenesis.app.run_campaign import run_campaign
from kgenesis.app.scaffold import write_mission
from kgenesis.campaign import events as facts
from kgenesis.kernel.errors import BadInput
from kgenesis.kernel.experiment import FileRef, Measurement, Outcome, Why
from kgenesis.kernel.ids import StreamId, experiment_id
from kgenesis.store.chain import GENESIS, event_hash


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    path, _ = write_mission(folder / "m.yaml", "table", "en")
    platform = open_platform(str(folder / "store.db"))
    changes = {"budget": {"experiments": 3}, "planner": "random"}
    state = open_campaign(platform, load_mission(str(path), changes), 5)
    run_campaign(platform, state, executor="inline")
    yield platform, state
    platform.store.close()


def test_the_chain_can_be_recomputed_from_the_lines_alone(done):
    platform, state = done
    previous = GENESIS
    for line in event_lines(platform.store.read(StreamId(state.id))):
        event = json.loads(line)
        body = line[line.index('"body":') + len('"body":') : line.rindex(',"hash":')]
        assert json.loads(body) == event["body"]
        previous = event_hash(
            previous, event["stream"], event["version"], event["at"], event["type"], event["schema_version"], body
        )
        assert previous == event["hash"]


def test_the_mission_that_comes_out_is_the_mission_that_went_in(done):
    _, state = done
    again = parse_mission(mission_yaml(state)).model_dump(mode="json")
    mission = state.mission.model_dump(mode="json")
    for one in (again, mission):
        one["space"]["candidates"] = None
    assert again == mission


def test_the_manifest_lists_every_file_with_its_sum(done):
    platform, state = done
    parts = bundle(platform, state, "en")
    manifest = json.loads(parts.pop("manifest.json"))
    assert manifest["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    assert manifest["seed"] == 5
    assert "m.csv" in parts  # the candidate table comes along
    assert yaml.safe_load(parts["mission.yaml"])["space"]["candidates"] == "m.csv"


def test_the_same_files_give_the_same_bundle():
    parts = {"b.txt": b"2", "a.txt": b"1"}
    assert zipped(parts) == zipped(dict(reversed(parts.items())))


def test_nothing_is_written_over_or_half_written(done, tmp_path):
    platform, state = done
    target = tmp_path / "events.jsonl"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput):
        export_campaign(platform, state, target, "en")
    assert target.read_text(encoding="utf-8") == "mine"
    export_campaign(platform, state, target, "en", may_replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_file_a_lab_gave_a_wicked_name_stays_inside_the_folder(tmp_path):
    path, _ = write_mission(tmp_path / "m.yaml", "table", "en")
    platform = open_platform(str(tmp_path / "store.db"))
    state = open_campaign(platform, load_mission(str(path), {"planner": "random"}), 0)
    content = tmp_path / "content"
    content.write_bytes(b"data")
    file = FileRef(name="../../wicked.txt", sha256=platform.store.blobs.put(content), size=4)
    id_ = experiment_id(state.id, 1)
    measured = Measurement(outcomes={"yield": Outcome(mean=1)}, files=(file,))
    platform.store.append(
        StreamId(state.id),
        1,
        [
            facts.ExperimentProposed(
                experiment=id_, number=1, conditions={"temperature": 20.0, "time": 10.0},
                why=Why(reason="person", planner="person"),
            ),
            facts.ExperimentMeasured(experiment=id_, attempt=0, measurement=measured),
        ],
    )  # fmt: skip
    written = export_campaign(platform, read_campaign(platform, state.id), tmp_path / "out", "en")
    platform.store.close()
    assert all(Path(tmp_path / "out") in file.resolve().parents for file in written)
    assert (tmp_path / "out" / "files" / id_ / "wicked.txt").read_bytes() == b"data"
