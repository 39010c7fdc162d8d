"""What `run` shows while it runs: a panel that redraws itself on a terminal, else one line per finished experiment."""

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from kgenesis.cli.language import lang, t
from kgenesis.cli.screen import duration, text_of, with_unit

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from kgenesis.campaign.state import CampaignState, Experiment

INTERVAL = 0.25
"""Least seconds between two redraws."""
SHARE = 20
"""Redraws may take one part in this many of the time."""
N_LATEST = 5
"""Finished experiments shown."""
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*%#"

WHY = {
    "design": ("spread over the space", "공간에 고루 퍼뜨림"),
    "explore": ("to learn what is not known", "모르는 곳을 알아봄"),
    "exploit": ("likely to be better", "더 좋을 것으로 봄"),
    "feasibility": ("to find what works", "성립하는 조건을 찾음"),
    "replicate": ("once more, to be sure", "확인하려고 반복"),
    "person": ("brought by a person", "사람이 가져옴"),
    "start": ("a given start", "주어진 시작 조건"),
}


def why(experiment: "Experiment") -> str:
    """Return in a phrase why an experiment was proposed."""
    return t(*WHY[experiment.why.reason])


class View(Protocol):
    """Shows how a campaign goes."""

    def watch(self, state: "CampaignState") -> None:
        """Look at the state; called after every change."""
        ...

    def tell(self, text: str) -> None:
        """Show a sentence; may be called within a signal handler."""
        ...

    def close(self, state: "CampaignState") -> None:
        """Show the end."""
        ...


class Lines:
    """One line per finished experiment."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._seen: set[str] = set()
        self._told: list[str] = []

    def watch(self, state: "CampaignState") -> None:
        """Print the experiments that have finished since."""
        while self._told:
            self._print(self._told.pop(0))
        if state.n_final == len(self._seen):
            return
        for experiment in state.finished():
            if experiment.id not in self._seen:
                self._seen.add(experiment.id)
                count = f"{len(self._seen):>4}/{state.budget.experiments}"
                self._print("  ".join([count, *described(state, experiment)]))

    def skip(self, state: "CampaignState") -> None:
        """Leave out what finished before this run."""
        self._seen = {e.id for e in state.finished()}

    def tell(self, text: str) -> None:
        """Show a sentence at the next look."""
        self._told.append(text)

    def close(self, state: "CampaignState") -> None:
        """Show what is left to show."""
        self.watch(state)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


class Panel:
    """Redraws itself in place, at most four times a second and never more than a twentieth of the time."""

    def __init__(self, console: "Console", progress: "Progress") -> None:
        from rich.live import Live

        self._progress = progress
        self._console = console
        self._told = self._shown = ""
        self._next = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._echo = contextlib.ExitStack()
        self._echo.enter_context(_no_caret())
        self._live.start()

    def watch(self, state: "CampaignState") -> None:
        """Redraw, unless it was done just now."""
        now = time.monotonic()
        if now < self._next:
            return
        told = self._told
        try:
            self._live.update(self._progress.drawn(state, told, self._console), refresh=True)
        except OSError:
            self._next = math.inf  # the terminal is gone; the campaign goes on
            return
        cost = time.monotonic() - now
        self._shown = told
        # a sentence that came while this was drawn must not wait
        self._next = now + cost + max(INTERVAL, SHARE * cost) if self._told == told else 0.0

    def tell(self, text: str) -> None:
        """Show a sentence at the next redraw."""
        self._told = text
        if self._next < math.inf:
            self._next = 0.0

    def close(self, state: "CampaignState") -> None:  # noqa: ARG002
        """Take the panel away; what stays is the summary, and a sentence nobody could read yet."""
        with contextlib.suppress(OSError):
            self._live.stop()
            if self._told != self._shown:
                self._console.print(self._told, markup=False)
        self._echo.close()


@contextlib.contextmanager
def _no_caret() -> Iterator[None]:
    """Keep the terminal from writing `^C` into the panel."""
    try:
        import termios
    except ImportError:  # Windows
        yield
        return
    try:
        before = termios.tcgetattr(sys.stdin)
    except (OSError, ValueError, termios.error):  # standard input is no terminal
        yield
        return
    after = [*before[:3], before[3] & ~termios.ECHOCTL, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSANOW, after)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


class Nothing:
    """Shows nothing but what must be said."""

    def tell(self, text: str) -> None:
        """Say it on stderr, in a way that is safe within a signal handler."""
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, f"\n{text}\n".encode())

    def watch(self, state: "CampaignState") -> None:
        """Show nothing."""

    def close(self, state: "CampaignState") -> None:
        """Show nothing."""


class Progress:
    """Knows what to draw: remembers what does not change from one redraw to the next.

    Args:
        look: returns the numbers, as `app.report.progress` does.
    """

    def __init__(self, look: "Callable[[CampaignState], Mapping[str, Any]]") -> None:
        self._look = look
        self._best: list[float] = []
        self._n_seen = 0

    def drawn(self, state: "CampaignState", told: str, console: "Console") -> "RenderableType":
        """Return the panel."""
        from rich.console import Group
        from rich.panel import Panel as Box
        from rich.text import Text

        numbers = self._look(state)
        parts: list[RenderableType] = [self._counts(state, console), self._facts(state, numbers, console)]
        latest = state.finished()[-N_LATEST:]
        if latest:
            parts.append(_latest(state, latest))
        if told:
            parts.append(Text(told, style="bold yellow"))
        title = Text(f"{state.mission.title.in_(lang())} · {state.id}", overflow="ellipsis", no_wrap=True)
        return Box(Group(*parts), title=title, title_align="left", border_style="cyan")

    def _counts(self, state: "CampaignState", console: "Console") -> "RenderableType":
        from rich.table import Table
        from rich.text import Text

        budget = max(state.budget.experiments, state.n_proposed, 1)
        width = max(min(console.width - 50, 40), 10)
        done, failed = (round(width * n / budget) for n in (state.n_measured, state.n_failed))
        running = min(max(round(width * len(state.running) / budget), bool(state.running)), width - done - failed)
        full, half, empty = ("━", "╸", "─") if _is_unicode(console) else ("#", ">", ".")
        bar = Text.assemble(
            (full * done, "green"),
            (full * failed, "red"),
            (half * max(running, 0), "yellow"),
            (empty * max(width - done - failed - running, 0), "dim"),
        )
        words = t(
            f"{state.n_measured} done, {state.n_failed} failed, {len(state.running)} running",
            f"완료 {state.n_measured}, 실패 {state.n_failed}, 실행 중 {len(state.running)}",
        )
        grid = Table.grid(padding=(0, 1))
        grid.add_row(bar, f"{state.n_final}/{state.budget.experiments}", words)
        return grid

    def _facts(self, state: "CampaignState", numbers: Mapping[str, Any], console: "Console") -> "Table":
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        line = sparkline(self._curve(state), _BARS if _is_unicode(console) else _ASCII_BARS)
        best = Text(numbers.get("best") or t("nothing that counts yet", "아직 없음"), style="bold")
        if line:
            best.append(f"  {line}", style="cyan")
        grid.add_row(t("Best so far", "지금까지 최고"), best)
        if state.mission.problem.has_target:
            from kgenesis.campaign.acceleration import targets_text

            reached = t("reached", "도달") if state.reached_by is not None else t("not yet reached", "아직")
            wanted = targets_text(state.mission.problem).in_(lang())
            grid.add_row(t("Target", "목표"), Text(f"{wanted} ({reached})"))
        grid.add_row(t("Acceleration", "가속"), numbers.get("acceleration") or "–")
        if numbers.get("outlook"):
            grid.add_row(t("Left to gain", "남은 개선"), numbers["outlook"])
        left = t(f"{numbers['n_left']} experiments", f"실험 {numbers['n_left']}회")
        spent = duration(numbers.get("seconds"))
        about = duration(numbers.get("seconds_left"))
        grid.add_row(
            t("Time", "시간"),
            t(f"{spent} so far, about {about} left for at most {left}", f"{spent} 지남, 최대 {left}에 약 {about} 남음"),
        )
        return grid

    def _curve(self, state: "CampaignState") -> Sequence[float]:
        """Return the best utility of the first objective after each finished experiment that counts."""
        finished = state.finished()
        problem = state.mission.problem
        if len(finished) < self._n_seen:
            self._best, self._n_seen = [], 0
        if len(finished) > self._n_seen:
            self._best = []
            for experiment in finished:
                result = experiment.result
                if result is None or result.kind != "measured" or not problem.is_full(experiment.conditions):
                    continue
                if problem.is_feasible(result):
                    value = float(problem.utilities(result)[0])
                    self._best.append(max(value, self._best[-1]) if self._best else value)
            self._n_seen = len(finished)
        return self._best


def sparkline(curve: Sequence[float], bars: str = _BARS, width: int = 24) -> str:
    """Return a curve as one line of text; empty if there is nothing to see."""
    values = [v for v in curve if math.isfinite(v)]
    if len(values) < 2 or max(values) == min(values):  # noqa: PLR2004
        return ""
    step = max(len(values) / width, 1)
    shown = [values[min(int((i + 1) * step) - 1, len(values) - 1)] for i in range(min(len(values), width))]
    low, high = min(values), max(values)
    return "".join(bars[min(int((v - low) / (high - low) * len(bars)), len(bars) - 1)] for v in shown)


def described(state: "CampaignState", experiment: "Experiment") -> list[str]:
    """Return what came out of an experiment and why it was done, as short texts."""
    problem = state.mission.problem
    result = experiment.result
    if result is None:
        return [experiment.status]
    if result.kind == "measured":
        parts = [f"{text_of(o.label) or o.name} {with_unit(result.mean(o.name), o.unit)}" for o in problem.objectives]
        if not problem.is_full(experiment.conditions):
            parts.append(t("(not a full experiment)", "(본실험 아님)"))
        if not problem.is_feasible(result):
            parts.append(t("(breaks a constraint)", "(제약 위반)"))
    else:
        from kgenesis.campaign.sentences import KINDS

        kind = t(f"failed ({result.kind})", f"실패({KINDS[result.kind].ko})")
        parts = [f"{kind}: {text_of(result.reason)}"]
    return [f"#{experiment.number}", "  ".join(parts), why(experiment)]


def _latest(state: "CampaignState", experiments: Sequence["Experiment"]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, justify="right", min_width=5)
    grid.add_column(overflow="ellipsis", no_wrap=True, ratio=3)
    grid.add_column(overflow="ellipsis", no_wrap=True, style="dim", ratio=2)
    for experiment in experiments:
        tag, what, reason = described(state, experiment)
        best = state.reached_by == experiment.id
        grid.add_row(tag, Text(what, style="bold green" if best else ""), reason)
    return grid


def _is_unicode(console: "Console") -> bool:
    return "utf" in (console.encoding or "").lower()
