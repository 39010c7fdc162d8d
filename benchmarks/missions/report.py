"""What the campaigns of the missions say together, and on the page of each mission."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import page
from planners.results import Entry

from kgenesis.app.mission_files import LoadedMission, load_mission
from kgenesis.campaign.baselines import Baseline, Level, baseline
from kgenesis.campaign.hitting import RepeatedTimes
from kgenesis.campaign.metrics import Aggregate, aggregate
from kgenesis.kernel.text import Lang
from missions.campaign import PICTURES, USUAL, key_of, reference_of, usual_designs

TARGET = Level("target", math.nan)
WANTED_MEDIAN, WANTED_EACH, GOAL = 4.0, 2.0, 2.0
"""Acceleration wanted: median over missions, each mission (interval above 1); and the programme's productivity goal."""
BEGIN, END = "<!-- result:begin -->", "<!-- result:end -->"
N_RESAMPLES = 2000


@dataclass(frozen=True)
class Standing:
    """One method on one mission."""

    loaded: LoadedMission
    runs: tuple[Entry, ...]
    known: Baseline | None
    gain: Aggregate | None

    @property
    def hits(self) -> list[float]:
        """Experiments each campaign needed; inf if it did not get there."""
        return [math.inf if r["n_to_target"] is None else float(r["n_to_target"]) for r in self.runs]

    @property
    def n_hit(self) -> int:
        """Campaigns that reached every target."""
        return sum(math.isfinite(n) for n in self.hits)

    @property
    def median(self) -> float:
        """Median of `hits`: the lower of the two middle ones."""
        return float(np.sort(self.hits)[math.ceil(len(self.hits) / 2) - 1])


def standing(name: str, method: str, entries: Sequence[Entry]) -> Standing | None:
    """Return how a method did on a mission, from campaigns of the mission as it is now; None if there are none."""
    loaded = load_mission(name)
    mission = loaded.mission
    runs = [e for e in entries if (e["task"], e["method"]) == (name, method) and e["key"] == key_of(mission)]
    if not runs:
        return None
    runs.sort(key=lambda e: int(e["seed"]))
    reference = reference_of(loaded)
    known = baseline(reference, mission.problem) if reference and reference.key == mission.reference_key else None
    gain = None
    if known is not None and method != USUAL:
        hits = [math.inf if r["n_to_target"] is None else float(r["n_to_target"]) for r in runs]
        budget = mission.budget.experiments
        gain = aggregate(hits, budget, known.hitting_times(TARGET), n_resamples=N_RESAMPLES)
    return Standing(loaded, tuple(runs), known, gain)


def text(names: Sequence[str], entries: Sequence[Entry]) -> str:
    """Return the body of the part of RESULTS.md; empty if nothing was kept."""
    measured = {str(e["task"]) for e in entries}
    ours = {name: found for name in names if name in measured and (found := standing(name, "model", entries))}
    if not ours:
        return ""
    rows = [_row(name, ours[name], entries) for name in sorted(ours, key=lambda n: (ours[n].loaded.mission.field, n))]
    head = [
        "field", "mission", "reached", "n, median [range]", "n of random search", "acceleration", "restricted to the budget",
        "Sobol: reached, n", "the usual design", "failed", "lab s", "planner ms",
    ]  # fmt: skip
    targets = page.table(["target", "wanted", "measured", ""], _targets(names, ours))
    said = page.paragraph(
        "Each campaign of a built-in mission runs on the mission's own laboratory with its own budget, and ends when every "
        "target is reached. The reference is the one that ships with the mission: a random search, repeated; n is of its "
        "median repeat, ≥ where half of the repeats or more never got there. The interval of the acceleration is a 95 % "
        "bootstrap over campaigns and over the reference's repeats; ≤ and ≥ mark bounds. “Restricted” compares mean "
        "experiments up to the budget and needs no guess beyond it. The usual design is what the field would take without "
        "a search (`benchmarks/missions/usual.yaml`), measured once. Lab and planner are CPU time for an experiment.",
    )
    return f"{targets}\n\n{page.table(head, rows, 'll' + 'r' * (len(head) - 2))}\n\n{said}"


def _targets(names: Sequence[str], ours: Mapping[str, Standing]) -> list[list[str]]:
    fields = {name: s.loaded.mission.field for name, s in ours.items()}
    reached = {fields[name] for name, s in ours.items() if s.n_hit * 2 > len(s.runs)}
    gains = {name: s.gain for name, s in ours.items() if s.gain is not None}
    factors = [g.ratio_of_medians for g in gains.values()]
    weak = [
        name for name, g in sorted(gains.items())
        if not (g.ratio_of_medians >= WANTED_EACH and g.ratio_of_medians_interval[0] > 1)
    ]  # fmt: skip
    lacking = sorted(set(names) - set(ours))
    middle = statistics.median(factors) if factors else math.nan
    return [
        ["missions measured", f"all {len(names)}", f"{len(ours)}" + (f"; not {', '.join(lacking)}" if lacking else ""),
         page.met(not lacking)],
        ["fields whose mission reaches its target in most campaigns", f"all {len(set(fields.values()))}", str(len(reached)),
         page.met(len(reached) == len(set(fields.values())))],
        ["acceleration, median over missions", f"≥ {WANTED_MEDIAN:g}", f"{middle:.1f}", page.met(middle >= WANTED_MEDIAN)],
        [f"acceleration of each mission ≥ {WANTED_EACH:g}, interval above 1", "all",
         f"{len(gains) - len(weak)} of {len(gains)}" + (f"; not {', '.join(weak)}" if weak else ""), page.met(not weak)],
    ]  # fmt: skip


def _row(name: str, ours: Standing, entries: Sequence[Entry]) -> list[str]:
    sobol, usual = standing(name, "sobol", entries), standing(name, USUAL, entries)
    done = sum(int(r["n"]) for r in ours.runs)
    low, high = ours.gain.restricted_interval if ours.gain else (math.nan, math.nan)
    return [
        ours.loaded.mission.field, name, f"{ours.n_hit}/{len(ours.runs)}", _spread(ours), _reference(ours), factor(ours.gain),
        f"{ours.gain.restricted:.1f} [{low:.1f}, {high:.1f}]" if ours.gain else "",
        f"{sobol.n_hit}/{len(sobol.runs)}, {count(sobol.median)}" if sobol else "",
        _usual(usual.runs[-1]) if usual else "",
        f"{100 * sum(int(r['n_failed']) for r in ours.runs) / done:.0f} %",
        f"{statistics.mean(r['cpu_lab'] for r in ours.runs):.2f}",
        f"{1e3 * statistics.mean(r['cpu_planner'] for r in ours.runs):.0f}",
    ]  # fmt: skip


def _spread(ours: Standing) -> str:
    hits = sorted(ours.hits)
    return f"{count(ours.median)} [{count(hits[0])}, {count(hits[-1])}]"


def _reference(ours: Standing) -> str:
    if ours.known is None:
        return ""
    times = ours.known.hitting_times(TARGET)
    middle = times.quantile(0.5)
    if math.isfinite(middle):
        return f"{middle:.0f}"
    n = (
        f", {int(np.isfinite(times.times).sum())}/{times.times.size} got there"
        if isinstance(times, RepeatedTimes)
        else ""
    )
    return f"≥ {times.budget:.0f}{n}"


def _usual(entry: Entry) -> str:
    if "failure" in entry:
        return "fails"
    if not entry["is_feasible"]:
        return "breaks a constraint"
    return "reaches the target" if entry["is_enough"] else "misses the target"


def count(n: float) -> str:
    """Return a number of experiments; a dash where it is unknown."""
    return f"{n:.0f}" if math.isfinite(n) else "–"


def factor(gain: Aggregate | None) -> str:
    """Return an acceleration factor with its interval."""
    if gain is None or gain.censored == "both":
        return "–"
    sign = {"campaign": "≤ ", "reference": "≥ "}.get(gain.censored or "", "")
    low, high = gain.ratio_of_medians_interval
    return f"{sign}{gain.ratio_of_medians:.1f} [{low:.1f}, {high:.1f}]"


# The pages of the missions -------------------------------------------------------------------------------------------


def fill_pages(names: Sequence[str], entries: Sequence[Entry], docs: Path) -> list[Path]:
    """Write between the markers of each mission's page what was measured; return the pages that changed."""
    changed = []
    for name in names:
        found = standing(name, "model", entries)
        langs: tuple[Lang, ...] = ("en", "ko")
        for lang in langs if found else ():
            path = docs / lang / "missions" / f"{name}.md"
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            if BEGIN not in old or END not in old or found is None:
                continue
            before, after = old.split(BEGIN, 1)[0], old.split(END, 1)[1]
            new = f"{before}{BEGIN}\n{_told(name, found, entries, lang)}\n{END}{after}"
            if new != old:
                path.write_text(new, encoding="utf-8")
                changed.append(path)
    return changed


def _told(name: str, ours: Standing, entries: Sequence[Entry], lang: Lang) -> str:
    usual = standing(name, USUAL, entries)
    words = _WORDS[lang]
    rows = [
        [words["reached"], f"{ours.n_hit} / {len(ours.runs)}"],
        [words["needed"], _spread(ours)],
        [words["random"], _reference(ours).replace("got there", words["got"])],
        [words["factor"], factor(ours.gain)],
        [words["goal"], f"{GOAL:g}"],
    ]
    if usual:
        entry: dict[str, Any] = usual.runs[-1]
        what = usual_designs()[name]["what"][lang]
        rows.append([f"{words['usual']}: {what}", words[_usual(entry)]])
    parts = [page.table([words["what"], words["value"]], rows)]
    for kind in ("progress", "front"):
        picture = PICTURES / f"{name}.{kind}.{lang}.svg"
        if picture.exists():
            parts.append(f"![{words[kind]}](../../images/missions/{picture.name})")
    parts.append(words["how"])
    return "\n\n".join(parts)


_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "what": "measured", "value": "result", "reached": "campaigns that reached every target",
        "needed": "experiments needed, median [range]", "random": "experiments of the random search, median",
        "got": "got there", "factor": "acceleration factor, 95 % interval", "goal": "the programme's productivity goal",
        "usual": "the usual design", "fails": "fails", "breaks a constraint": "breaks a constraint",
        "reaches the target": "reaches the target", "misses the target": "misses the target",
        "progress": "Best so far of one campaign against the random search", "front": "What can be had of both objectives",
        "how": "Written by `python benchmarks/missions --report`; all missions side by side: "
        "[RESULTS.md](../../../benchmarks/RESULTS.md).",
    },
    "ko": {
        "what": "측정", "value": "결과", "reached": "모든 목표에 이른 캠페인", "needed": "필요한 실험 수, 중앙값 [범위]",
        "random": "무작위 탐색의 실험 수, 중앙값", "got": "도달", "factor": "가속 계수, 95 % 구간",
        "goal": "프로그램의 생산성 목표", "usual": "통상 설계", "fails": "실패", "breaks a constraint": "제약을 어김",
        "reaches the target": "목표에 이름", "misses the target": "목표에 못 미침",
        "progress": "한 캠페인의 지금까지 최고 결과와 무작위 탐색", "front": "두 목적의 절충",
        "how": "`python benchmarks/missions --report`가 적었습니다. 모든 미션의 비교: "
        "[RESULTS.md](../../../benchmarks/RESULTS.md).",
    },
}  # fmt: skip
