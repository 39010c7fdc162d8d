"""Measure what a search without AI needs, keep it as data, and find it again."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kgenesis.app.mission_files import LoadedMission
from kgenesis.app.platform import Platform, make_lab, plugin_context, versions
from kgenesis.campaign.baselines import Baseline, baseline
from kgenesis.campaign.reference import Reference, closed_form, estimate, load_reference, measured, mismatch
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import KGenesisError, Refused
from kgenesis.kernel.experiment import Conditions, Failure, Measurement, Result, Task
from kgenesis.kernel.ids import CampaignId, ExperimentId, experiment_id
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Executor, Lab, LabRecipe, Planner, ProposalRequest, Surrogate
from kgenesis.kernel.text import Text, say

Progress = Callable[[int, int], None]
"""Told how many of how many experiments are done."""

REFERENCE_SEED = 20_251
"""First part of the seed tuples of all reference searches; the second is the repeat."""


def make_reference(
    platform: Platform,
    loaded: LoadedMission,
    *,
    repeats: int | None = None,
    experiments: int | None = None,
    planner: str | None = None,
    n_workers: int = 1,
    on_progress: Progress = lambda done, total: None,
) -> tuple[Reference, Path]:
    """Do the reference searches of a mission and keep what they found; what an interrupted call did is used again.

    A finite table is not searched: every point is read and the reference is computed in closed form.

    Raises:
        Refused: the lab is physical; its reference is an estimate made from the campaign itself.
    """
    mission = loaded.mission
    plan = mission.reference
    asked = {"repeats": repeats, "experiments": experiments, "planner": planner}
    plan = type(plan).model_validate(plan.model_dump() | {k: v for k, v in asked.items() if v is not None})
    mission = mission.model_copy(update={"reference": plan})
    lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)
    if lab.is_physical:
        raise Refused(
            say("nobody searches a real laboratory at random", "실제 실험실에서 무작위 탐색은 하지 않습니다"),
            hint=say("Its report has an estimate from the model instead.", "보고서에는 모델로 추정한 값이 들어갑니다."),
        )
    path = _path(platform, mission, lab.version)
    command = (
        f"kgenesis reference make {loaded.source if loaded.is_builtin else Path(loaded.source).name}"
        f" --repeats {plan.repeats} --experiments {plan.experiments} --planner {plan.planner}"
    )
    if (whole := getattr(lab, "outcomes_of_all_points", None)) is not None:
        _, results = whole()
        reference = closed_form(mission, lab.version, results, versions(), command)
    else:
        found = _search(mission, lab, loaded.folder, path.with_suffix(".partial.jsonl"), n_workers, on_progress)
        reference = measured(mission, lab.version, found, REFERENCE_SEED, versions(), command)
    _write(path, reference.model_dump_json())
    path.with_suffix(".partial.jsonl").unlink(missing_ok=True)
    return reference, path


def _search(
    mission: Mission, lab: Lab, folder: Path, partial: Path, n_workers: int, on_progress: Progress
) -> list[list[Result]]:
    """Return the results of every repeat in order; each result is written down as it comes."""
    plan = mission.reference
    tasks = {task.experiment: task for task in _tasks(mission, folder)}
    results = _read_partial(partial, lab.version, tasks)
    recipe = LabRecipe(mission.lab.name, mission.lab.settings, mission.problem.model_dump(mode="json"), str(folder))
    settings = {"recipe": recipe, "n_workers": n_workers}
    executor: Executor = make_plugin("executors", "pool", plugin_context(mission.problem, settings, folder))
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("a", encoding="utf-8") as log:
            for id_, task in tasks.items():
                if id_ not in results:
                    executor.submit(task)
            while len(results) < len(tasks):
                for id_, _, result in executor.collect(0.5):
                    results[id_] = result
                    entry = {"lab": lab.version, "experiment": id_, "conditions": tasks[id_].conditions}
                    entry["result"] = result.model_dump(mode="json")
                    log.write(json.dumps(entry, ensure_ascii=False) + "\n")
                    log.flush()
                on_progress(len(results), len(tasks))
    finally:
        executor.close(wait=False)
    in_order = [results[id_] for id_ in tasks]
    return [in_order[i : i + plan.experiments] for i in range(0, len(in_order), plan.experiments)]


def _tasks(mission: Mission, folder: Path) -> list[Task]:
    """Return the tasks of all repeats: conditions chosen without looking at any result."""
    plan = mission.reference
    planner: Planner = make_plugin("planners", plan.planner, plugin_context(mission.problem, {}, folder))
    tasks: list[Task] = []
    for repeat in range(plan.repeats):
        campaign = CampaignId(f"cmp_reference{repeat:03d}")
        seed = (REFERENCE_SEED, repeat)
        request = ProposalRequest(mission.problem, (), (), plan.experiments, (*seed, 0))
        for number, proposal in enumerate(planner.propose(request), start=1):
            conditions: Conditions = proposal.conditions
            tasks.append(Task(experiment_id(campaign, number), 1, dict(conditions), (*seed, number), mission.timeout))
    return tasks


def _read_partial(path: Path, lab_version: str, tasks: dict[ExperimentId, Task]) -> dict[ExperimentId, Result]:
    results: dict[ExperimentId, Result] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry: dict[str, Any] = json.loads(line)
            except ValueError:
                continue  # the line that was being written when the power went
            task = tasks.get(entry["experiment"])
            if task is not None and (entry["lab"], entry.get("conditions")) == (lab_version, task.conditions):
                kind = Measurement if entry["result"]["kind"] == "measured" else Failure
                results[entry["experiment"]] = kind.model_validate(entry["result"])
    return results


def _path(platform: Platform, mission: Mission, lab_version: str) -> Path:
    """Return where a reference is kept: by what decides it, and the lab's version."""
    safe = "".join(c if c.isalnum() or c in ".-_" else "-" for c in lab_version)
    return platform.folder / "references" / mission.reference_key / f"{safe}.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(path)


def find_reference(platform: Platform, state: CampaignState) -> tuple[Baseline | None, Text | None]:
    """Return what a campaign is compared with, and what must be said about it.

    One made here for exactly this problem and lab comes first, then the one shipped with the mission (a mismatch is
    said), then the closed form of a table, and for a real laboratory an estimate from the campaign's own model.
    """
    mission, folder = state.mission, Path(state.folder)
    path = _path(platform, mission, state.lab_version)
    if path.is_file():
        return baseline(load_reference(path), mission.problem), None
    shipped = folder / f"{mission.name}.reference.json"
    said: Text | None = None
    if shipped.is_file():
        reference = load_reference(shipped)
        said = mismatch(reference, mission, state.lab_version)
        if said is None:
            return baseline(reference, mission.problem), None
    if state.lab_is_physical:
        surrogate: Surrogate = make_plugin("surrogates", "gp", plugin_context(mission.problem, {}, folder))
        guess = estimate(state, surrogate)
        return (None if guess is None else baseline(guess, mission.problem)), None
    try:
        lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, folder)
    except KGenesisError:
        return None, said  # e.g. a function of a Python program that has ended
    if (whole := getattr(lab, "outcomes_of_all_points", None)) is not None:
        _, results = whole()
        return baseline(closed_form(mission, lab.version, results, versions()), mission.problem), None
    return None, said
