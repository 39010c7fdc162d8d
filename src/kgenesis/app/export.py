"""Take a campaign away: the table of experiments, the raw events, the mission, the report, or all of it as one bundle.

`events.jsonl` has one event a line, with `body` exactly as the store keeps it, so that the hash chain
(`store/chain.py`) can be recomputed from the file alone: the body is what stands between `"body":` and `,"hash":`.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kgenesis.app.platform import Platform
from kgenesis.app.sheets.layout import neutral
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import BadInput, NotFound
from kgenesis.kernel.events import Recorded
from kgenesis.kernel.experiment import Failure, FileRef, Measurement
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import Lang, say

SUFFIXES = (".csv", ".json", ".jsonl", ".yaml", ".zip")
"""What one file can be: experiments, report, events, mission, bundle."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same campaign gives the same bytes


def export_campaign(
    platform: Platform,
    state: CampaignState,
    target: Path,
    lang: Lang,
    report: Callable[[], Mapping[str, bytes]],
    *,
    may_replace: bool = False,
) -> list[Path]:
    """Write a campaign to a file of a kind its suffix says, or all of it to a folder; return what was written.

    Args:
        platform: the store it lives in.
        state: the campaign.
        target: `.csv` experiments, `.json` report, `.jsonl` events, `.yaml` mission, `.zip` all; else a folder.
        lang: of texts in the table of experiments.
        report: returns the report's files by name; called only where they are wanted.
        may_replace: write over what exists.

    Raises:
        BadInput: the file exists already.
    """
    if target.suffix in SUFFIXES and not target.is_dir():
        texts = {target: _one(platform, state, target.suffix, lang, report)}
    else:
        parts = bundle(platform, state, lang, report())
        texts = {target / name: content for name, content in parts.items()}
    existing = [file for file in texts if file.exists()]
    if existing and not may_replace:
        raise BadInput(
            say(f"{existing[0]} exists already", f"{existing[0]}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    for file, content in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(file, content)
    return list(texts)


def _one(
    platform: Platform, state: CampaignState, suffix: str, lang: Lang, report: Callable[[], Mapping[str, bytes]]
) -> bytes:
    match suffix:
        case ".csv":
            return experiments_csv(state, lang).encode()
        case ".json":
            return next(content for name, content in report().items() if name.endswith(".json"))
        case ".jsonl":
            return b"".join(f"{line}\n".encode() for line in event_lines(platform.store.read(StreamId(state.id))))
        case ".yaml":
            return mission_yaml(state).encode()
        case _:
            return zipped(bundle(platform, state, lang, report()))


def bundle(platform: Platform, state: CampaignState, lang: Lang, report: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return everything there is of a campaign by file name, with a manifest of SHA-256 sums."""
    parts = {
        "mission.yaml": mission_yaml(state).encode(),
        "experiments.csv": experiments_csv(state, lang).encode(),
        "events.jsonl": b"".join(f"{line}\n".encode() for line in event_lines(platform.store.read(StreamId(state.id)))),
        **report,
    }
    for experiment, file in _files(state):
        try:
            with platform.store.blobs.open(file.sha256) as blob:
                parts[f"files/{experiment.id}/{_inside(file.name)}"] = blob.read()
        except NotFound:
            continue  # the manifest does not list it; a blob may have been moved to an archive
    candidates = state.mission.space.candidates
    if candidates is not None and candidates.sha256:
        with platform.store.blobs.open(candidates.sha256) as blob:
            parts[Path(candidates.path).name or "candidates"] = blob.read()
    manifest = {
        "campaign": state.id,
        "mission": state.mission.name,
        "spec_hash": state.mission.spec_hash,
        "seed": state.seed,
        "lab": {"name": state.mission.lab.name, "version": state.lab_version},
        "versions": state.versions,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(parts.items())},
    }
    return {"manifest.json": json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n", **parts}


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """Return files as one zip; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(parts.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _files(state: CampaignState) -> Iterator[tuple[Experiment, FileRef]]:
    for experiment in state.experiments.values():
        for file in experiment.result.files if experiment.result is not None else ():
            if file.sha256:
                yield experiment, file


def _inside(name: str) -> str:
    """Return a file name that cannot leave the folder it is written to, whatever a lab called its file."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."})


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# ---- the forms ----------------------------------------------------------------------------------------------------


def event_lines(events: Iterable[Recorded]) -> Iterator[str]:
    """Yield events as JSON, one a line, each body as stored."""
    for event in events:
        head = json.dumps(
            {
                "stream": event.stream,
                "version": event.version,
                "position": event.position,
                "at": event.at,
                "type": event.type,
                "schema_version": event.schema_version,
            },
            ensure_ascii=False,
        )
        yield f'{head[:-1]}, "body":{event.body},"hash":"{event.hash}"}}'


def mission_yaml(state: CampaignState) -> str:
    """Return the mission as a file that opens the same campaign again."""
    mission = state.mission
    data = mission.model_dump(mode="json", exclude_defaults=True)
    candidates = mission.space.candidates
    if candidates is not None and candidates.path:
        data["space"]["candidates"] = Path(candidates.path).name  # it lies beside this file in a bundle
    whole = {"kgenesis": mission.kgenesis, **data}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=110)
    return text


def experiments_csv(state: CampaignState, lang: Lang) -> str:
    """Return all experiments as CSV: conditions, outcomes with standard error and count, and why."""
    buffer = io.StringIO(newline="")
    rows = [_row(state, experiment, lang) for experiment in state.experiments.values()]
    writer = csv.DictWriter(buffer, list(_row_names(state)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _row_names(state: CampaignState) -> Iterator[str]:
    """Yield the header; units stand in brackets, as on a results sheet."""
    problem = state.mission.problem
    yield from ("number", "experiment", "status")
    yield from (_with_unit(v.name, v.unit) for v in problem.space.variables)
    for name in problem.outcomes:
        yield from (_with_unit(name, problem.units.get(name, "")), f"{name} sem", f"{name} n")
    yield from ("feasible", "failure", "reason", "why", "planner")
    for name in problem.outcomes:
        yield from (f"{name} expected", f"{name} expected sd")
    yield from ("cost", "seconds", "attempts", "replicate of", "proposed at", "started at", "finished at")


def _with_unit(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit not in {"", "1"} else name


def _row(state: CampaignState, experiment: Experiment, lang: Lang) -> dict[str, Any]:
    problem = state.mission.problem
    row: dict[str, Any] = {
        "number": experiment.number,
        "experiment": experiment.id,
        "status": experiment.status,
        "why": experiment.why.reason,
        "planner": experiment.why.planner,
        "attempts": experiment.attempt,
        "replicate of": experiment.replicate_of,
        "proposed at": experiment.proposed_at,
        "started at": experiment.started_at,
        "finished at": experiment.finished_at,
    }
    conditions = experiment.conditions
    result = experiment.result
    if isinstance(result, Measurement):
        conditions = conditions | dict(result.context)
        row["feasible"] = str(problem.is_feasible(result)).lower()
        for name, outcome in result.outcomes.items():
            if name in problem.outcomes:
                row[_with_unit(name, problem.units.get(name, ""))] = outcome.mean
                row |= {f"{name} sem": outcome.sem, f"{name} n": outcome.n}
    elif isinstance(result, Failure):
        row |= {"failure": result.kind, "reason": neutral(result.reason.in_(lang))}
    if result is not None:
        row |= {"seconds": result.seconds, "cost": problem.cost_of(experiment.conditions, result)}
    for variable in problem.space.variables:
        value = conditions.get(variable.name)
        row[_with_unit(variable.name, variable.unit)] = neutral(value) if isinstance(value, str) else value
    for name, expected in experiment.why.expected.items():
        if name in problem.outcomes:
            row |= {f"{name} expected": expected.mean, f"{name} expected sd": expected.sd}
    return row
