"""Say what a campaign found: the live numbers, the summary a program reads, the report people read."""

import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kgenesis.app.campaigns import possible_of
from kgenesis.app.mission_files import builtin_missions
from kgenesis.app.platform import Platform, plugin_context
from kgenesis.app.reference import find_reference
from kgenesis.campaign.acceleration import acceleration
from kgenesis.campaign.baselines import Baseline
from kgenesis.campaign.export import to_csv, to_json
from kgenesis.campaign.metrics import Curve
from kgenesis.campaign.outlook import latest, outlook_sentence
from kgenesis.campaign.page import render
from kgenesis.campaign.report import best_experiment, build
from kgenesis.campaign.report_parts import Report
from kgenesis.campaign.sentences import outcome_text
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Surrogate
from kgenesis.kernel.text import Lang, Text, lang_of_environment

__all__ = ["Watch", "best_experiment", "make_report", "summary", "write_report"]


def make_report(platform: Platform, state: CampaignState) -> Report:
    """Return the report of a campaign, running or ended."""
    known, said = find_reference(platform, state)
    notes: Sequence[Text] = () if said is None else (said,)
    context = plugin_context(state.mission.problem, {}, Path(state.folder))
    surrogate: Surrogate = make_plugin("surrogates", "gp", context)
    reference = None if known is None else known.reference
    now, possible = datetime.now(UTC), possible_of(state)
    return build(state, reference, surrogate, now, command=_command(state), notes=notes, possible=possible)


def _command(state: CampaignState) -> str:
    """Return what does the campaign again on any machine that has the mission."""
    mission = state.mission
    name = mission.name if mission.name in builtin_missions() else f"{mission.name}.yaml"
    return shlex.join([
        "kgenesis", "run", name, "--seed", str(state.seed), "--budget", str(state.budget.experiments), "--workers",
        str(mission.parallel),
    ])  # fmt: skip


def write_report(
    platform: Platform,
    state: CampaignState,
    folder: Path | None,
    lang: Lang,
    formats: Sequence[str] = ("html",),
    report: Report | None = None,
) -> dict[str, Path]:
    """Write the report and return the path of each format: `html`, `json`, `csv`.

    Args:
        platform: the store the campaign lives in.
        state: the campaign.
        folder: where to; a path ending in `.html` names the page itself; beside the store if not given.
        lang: language of the page.
        formats: which.
        report: if it is made already.

    Raises:
        MissingPart: the page needs the extra `report`.
    """
    report = report or make_report(platform, state)
    folder = folder or platform.folder / "reports"
    stem = folder / state.id if folder.suffix not in {".html", ".json", ".csv"} else folder.with_suffix("")
    makers = {
        "html": lambda: render(report, lang),
        "json": lambda: to_json(report),
        "csv": lambda: to_csv(report, lang),
    }
    written = {}
    for name in formats:
        content = makers[name]()
        path = stem.with_suffix(f".{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.part")  # nobody opens half a page, whatever happens meanwhile
        beside.write_text(content, encoding="utf-8", newline="")
        beside.replace(path)
        written[name] = path.resolve()
    return written


def summary(
    platform: Platform, state: CampaignState, report_path: Path | None, report: Report | None = None
) -> dict[str, Any]:
    """Return the object that `run --json` prints: the same numbers stand in the report."""
    report = report or make_report(platform, state)
    lead = report.gain.headline if report.gain else None
    best = report.best
    return {
        "campaign": state.id,
        "mission": state.mission.name,
        "state": state.stopped or "open",
        "experiments": {
            "proposed": report.n_proposed, "measured": report.n_measured, "failed": report.n_failed,
        },
        "best": None if best is None else {
            "experiment": best.id,
            "number": best.number,
            "conditions": best.conditions,
            "outcomes": {name: found.model_dump() for name, found in best.outcomes.items()},
        },
        "target_reached": report.target_reached,
        "acceleration": None if lead is None else lead.model_dump(mode="json"),
        "outlook": None if (left := latest(state)) is None else left.model_dump(),
        "store": platform.store.place,
        "report": None if report_path is None else str(report_path),
    }  # fmt: skip


class Watch:
    """The numbers of a live view, cheap enough for every redraw: remembers what is settled.

    Args:
        platform: the store the campaign lives in.
        state: the campaign as it stands.
    """

    def __init__(self, platform: Platform, state: CampaignState) -> None:
        self._known: Baseline | None
        self._known, _ = find_reference(platform, state)
        self._possible = possible_of(state)
        self._curve = None if self._known is None else Curve(state.mission.problem, self._known.corner)
        self._began, self._n_then, self._seconds_then = time.monotonic(), state.n_final, state.seconds

    def numbers(self, state: CampaignState) -> dict[str, Any]:
        """Return `best`, `acceleration`, `outlook` (texts or None), `n_left`, `seconds`, `seconds_left`."""
        lang = lang_of_environment()
        best = best_experiment(state)
        n_left = max(state.budget.experiments - state.n_final, 0)
        seconds = time.monotonic() - self._began
        n_since = state.n_final - self._n_then
        gained = acceleration(state, self._known, self._curve)
        text, left = None, outlook_sentence(state, self._possible)
        if gained is not None and gained.value is not None:
            sign = {"reference": "≥ ", "campaign": "≤ "}.get(gained.censored or "", "")
            text = f"{sign}{gained.value:.2g}× ({gained.level_text.in_(lang)}; {gained.reference_text.in_(lang)})"
        return {
            "best": None if best is None else _said(state, best),
            "acceleration": text,
            "outlook": None if left is None else left.in_(lang),
            "n_left": n_left,
            "seconds": self._seconds_then + seconds,
            "seconds_left": seconds / n_since * n_left if n_since else None,
        }


def _said(state: CampaignState, experiment: Experiment) -> str:
    result = experiment.result
    assert isinstance(result, Measurement)
    found = outcome_text(state.mission.problem, result).in_(lang_of_environment())
    return f"{found} (#{experiment.number})"
