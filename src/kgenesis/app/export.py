"""Take a campaign away: the table of experiments, the raw events, the mission, the report, or all of it as one bundle.

`events.jsonl` has one event a line, with `body` exactly as the store keeps it, so that the hash chain
(`store/chain.py`) can be recomputed from the file alone: the body is what stands between `"body":` and `,"hash":`.
"""

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import yaml

from kgenesis.app.platform import Platform
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import BadInput, MissingPart, NotFound
from kgenesis.kernel.events import Recorded
from kgenesis.kernel.experiment import FileRef
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import Lang, say

NAMES = ("mission.yaml", "events.jsonl", "experiments.csv", "report.json")
"""Files of a bundle that can always be made."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same campaign gives the same bytes


def export_campaign(
    platform: Platform, state: CampaignState, target: Path, lang: Lang, *, may_replace: bool = False
) -> list[Path]:
    """Write a campaign to a file of a kind its suffix says, or all of it to a folder; return what was written.

    Args:
        platform: the store it lives in.
        state: the campaign.
        target: `.csv` experiments, `.json` report, `.html` its page, `.jsonl` events, `.yaml` mission, `.zip` all;
            else a folder.
        lang: of texts in the table of experiments, and of the page.
        may_replace: write over what exists.

    Raises:
        BadInput: the file exists already.
        MissingPart: the page is asked for, and what draws it is not installed.
    """
    contents: Mapping[Path, Callable[[], bytes]]
    makers = _makers(platform, state, lang)
    if target.suffix in makers and not target.is_dir():
        contents = {target: makers[target.suffix]}
    elif target.suffix == ".zip" and not target.is_dir():
        contents = {target: lambda: zipped(bundle(platform, state, lang))}
    else:
        parts = bundle(platform, state, lang)
        contents = {target / name: partial(bytes, content) for name, content in parts.items()}
    return write_files(contents, may_replace=may_replace)


def write_files(contents: Mapping[Path, Callable[[], bytes]], *, may_replace: bool = False) -> list[Path]:
    """Write files, each whole or not at all, in folders that are made; return what was written.

    Raises:
        BadInput: one exists already.
    """
    existing = [file for file in contents if file.exists()]
    if existing and not may_replace:
        raise BadInput(
            say(f"{existing[0]} exists already", f"{existing[0]}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    for file, make in contents.items():
        content = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(file, content)
    return list(contents)


def _makers(platform: Platform, state: CampaignState, lang: Lang) -> dict[str, Callable[[], bytes]]:
    """Return what makes each form, by suffix; a report that several need is made once."""
    # imported here: `campaign log` needs the events only, and the report takes long to load
    from kgenesis.app.report import make_report
    from kgenesis.campaign.export import to_csv, to_json
    from kgenesis.campaign.page import render

    report = cache(lambda: make_report(platform, state))
    return {
        ".yaml": lambda: mission_yaml(state).encode(),
        ".jsonl": lambda: b"".join(f"{e}\n".encode() for e in event_lines(platform.store.read(StreamId(state.id)))),
        ".csv": lambda: to_csv(report(), lang).encode(),
        ".json": lambda: to_json(report()).encode(),
        ".html": lambda: render(report(), lang).encode(),
    }


def bundle(platform: Platform, state: CampaignState, lang: Lang) -> dict[str, bytes]:
    """Return everything there is of a campaign by file name, with a manifest of SHA-256 sums."""
    makers = _makers(platform, state, lang)
    parts = {name: makers[Path(name).suffix]() for name in NAMES}
    with contextlib.suppress(MissingPart):  # all its numbers are in report.json
        parts["report.html"] = makers[".html"]()
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
