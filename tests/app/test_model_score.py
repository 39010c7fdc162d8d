"""Models are found by name, folder or model file, refused whole when wrong, and judged by short campaigns."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kgenesis.app import model, model_score
from kgenesis.app.model_score import BENCHES, decide, find_entrant, hold, random_regret
from kgenesis.kernel.errors import InvalidSpec, KGenesisError, NotFound, UnknownPlugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.surrogate import make_genesis
from kgenesis.surrogate.amortised import NEWEST, PUBLISHED

FILE = "name: theirs\nsurrogate: genesis\nsettings: {model: genesis-1}\nlicence: MIT\n"


def told(tmp_path: Path, text: str) -> str:
    path = tmp_path / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_model_is_found_by_its_version_its_folder_its_plug_in_and_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(PUBLISHED / NEWEST, folder)
    assert find_entrant(NEWEST).is_ours
    assert find_entrant("genesis").name == NEWEST
    assert find_entrant(str(folder)).is_ours
    assert not find_entrant("gp").is_ours
    theirs = find_entrant(told(tmp_path, FILE))
    assert (theirs.name, theirs.licence, theirs.is_ours) == ("theirs", "MIT", False)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (FILE + "weight: [w.npz]\n", InvalidSpec, "weight"),
        (FILE + "weights: [nowhere.npz]\n", InvalidSpec, "nowhere.npz"),
        (FILE + "lineage: nowhere\n", InvalidSpec, "lineage.json"),
        (FILE.replace("genesis\n", "no-such-plug-in\n"), UnknownPlugin, "no-such-plug-in"),
        (FILE.replace("model: genesis-1", "modle: x"), InvalidSpec, "modle"),
        (FILE.replace("genesis-1", "genesis-9"), NotFound, "genesis-9"),
        (FILE.replace("name: theirs\n", ""), InvalidSpec, "name"),
        (FILE + FILE, InvalidSpec, "twice"),
        ("- a list\n", InvalidSpec, "mapping"),
        ("", InvalidSpec, "mapping"),
        ("name: [\n", InvalidSpec, "YAML"),
    ],
)
def test_a_model_file_with_a_mistake_is_refused_whole(
    tmp_path: Path, text: str, error: type[KGenesisError], said: str
) -> None:
    with pytest.raises(error) as refused:
        find_entrant(told(tmp_path, text))
    assert said in refused.value.in_("en")
    assert refused.value.next_step


def test_mistakes_name_their_lines(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec) as refused:
        find_entrant(told(tmp_path, FILE + "weights: 3\nsead: 1\n"))
    assert {(p.field, p.line) for p in refused.value.problems} == {("weights", 5), ("sead", 6)}


@pytest.mark.parametrize("name", ["nowhere.yaml", "no-such-model", "./nowhere"])
def test_what_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(NotFound) as refused:
        find_entrant(name)
    assert refused.value.next_step


def test_damaged_weights_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(PUBLISHED / NEWEST, folder)
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-7] ^= 1
    (folder / "weights.safetensors").write_bytes(content)
    seen: list[str] = []
    with pytest.raises(InvalidSpec, match="lineage"):
        model_score.score(["gp", str(folder)], 1, (), lambda name, part: seen.append(name))
    assert seen == []


def test_a_card_is_only_of_a_model_with_a_lineage() -> None:
    with pytest.raises(NotFound):
        model.card("gp")


def test_a_surrogate_without_a_lineage_does_not_pass_the_gate() -> None:
    record, gate = model.lineage("gp", [], 1)
    assert record is None
    assert not gate.is_passed


def test_short_campaigns_are_the_same_every_time_and_better_than_chance() -> None:
    surrogate = make_genesis(PluginContext())
    first, failure = hold(BENCHES[2], surrogate, (2, 0))
    assert failure == ""
    assert hold(BENCHES[2], surrogate, (2, 0))[0] == first
    assert first < 0.5 * random_regret(2)


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.function)
def test_the_best_point_that_is_claimed_is_never_passed(bench: model_score.Bench) -> None:
    from kgenesis.kernel.sampling import sample

    space = bench.problem().space
    rows = space.to_rows(sample(space, 300, np.random.default_rng(1)))
    values = [model_score.measured(bench, row) for row in rows]
    best = min(values) if bench.goal == "minimize" else max(values)
    assert bench.regret(best) > 0.0


def test_a_campaign_in_which_the_surrogate_fails_ends_there_and_is_counted() -> None:
    class Broken:
        def posterior(self, data: object, rng: object) -> object:
            raise RuntimeError("no idea")

    found = decide(Broken(), 1)  # type: ignore[arg-type]
    assert len(found.failures) == found.n_campaigns == len(BENCHES)
    assert "no idea" in found.failures[0]
    assert found.decades is not None
    assert found.decades < 0.0
