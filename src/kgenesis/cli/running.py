"""Drive a campaign from this terminal: show it, let signals end it, then say what it found."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kgenesis.cli import screen
from kgenesis.cli.ending import FAILED, INTERRUPTED
from kgenesis.cli.language import lang, t
from kgenesis.cli.live import Lines, Nothing, Panel, Progress, View
from kgenesis.cli.signals import Signals

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform
    from kgenesis.campaign.state import CampaignState
    from kgenesis.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person wants a campaign driven."""

    store: str | None = None
    n_workers: int | None = None
    accepts_lab_change: bool = False
    is_json: bool = False
    is_quiet: bool = False
    wants_report: bool = True
    report_folder: str | None = None
    resumes_with: str | None = None
    """What to type to go on, where that is not `kgenesis campaign resume`."""


def drive(platform: "Platform", state: "CampaignState", wishes: Wishes) -> int:
    """Run a campaign until it ends or is interrupted; return the exit code."""
    from kgenesis.app.run_campaign import Interruption, run_campaign

    _greet(platform, state, wishes)
    interruption = Interruption()
    view = _view(platform, state, wishes)
    try:
        with Signals(interruption, view.tell):
            run_campaign(
                platform,
                state,
                n_workers=wishes.n_workers,
                watch=view.watch,
                interruption=interruption,
                accept_lab_change=wishes.accepts_lab_change,
            )
    finally:
        view.close(state)
    if state.stopped is None:
        _say_how_to_go_on(platform, state, wishes, interruption.why)
        return INTERRUPTED if interruption.why is None else FAILED
    _conclude(platform, state, wishes)
    return 0


def _greet(platform: "Platform", state: "CampaignState", wishes: Wishes) -> None:
    if wishes.is_json or wishes.is_quiet:
        return
    mission = state.mission
    console = screen.out()
    console.print(mission.title.in_(lang()), style="bold", markup=False)
    facts = t(
        f"campaign {state.id}, lab {mission.lab.name}, planner {mission.planner.name}, seed {state.seed}, "
        f"{mission.parallel} at a time, store {platform.store.place}",
        f"캠페인 {state.id}, 실험실 {mission.lab.name}, 플래너 {mission.planner.name}, 시드 {state.seed}, "
        f"동시 {mission.parallel}개, 저장소 {platform.store.place}",
    )
    console.print(facts, style="dim", markup=False, soft_wrap=not console.is_terminal)


def _view(platform: "Platform", state: "CampaignState", wishes: Wishes) -> View:
    console = screen.err() if wishes.is_json else screen.out()
    if wishes.is_quiet or (wishes.is_json and not console.is_terminal):
        return Nothing()
    if not console.is_terminal or console.is_dumb_terminal:
        lines = Lines(console)
        lines.skip(state)
        return lines
    from kgenesis.app.report import Watch

    return Panel(console, Progress(Watch(platform, state).numbers))


def resume_command(state: "CampaignState", store: str | None) -> str:
    """Return what to type to go on with a campaign."""
    place = f" --store {shlex.quote(store)}" if store else ""
    return f"kgenesis campaign resume {state.id}{place}"


def _say_how_to_go_on(platform: "Platform", state: "CampaignState", wishes: Wishes, why: "Text | None") -> None:
    if wishes.is_json:
        from kgenesis.app.report import summary

        said = {"interrupted": True} | ({} if why is None else {"paused_because": why.model_dump()})
        screen.print_json({**summary(platform, state, None), **said})
    try:
        if why is None:
            text = t(
                f"Interrupted after {state.n_final} experiments; nothing is lost. Go on with:",
                f"실험 {state.n_final}개를 마치고 중단했습니다. 잃은 것은 없습니다. 이어서 하려면:",
            )
        else:
            text = t(
                f"Paused after {state.n_final} experiments, so that the rest of the budget is not spent: {why.en}. "
                "Once the lab answers, go on with:",
                f"남은 예산을 쓰지 않도록 실험 {state.n_final}개 뒤에 멈췄습니다: {why.ko}. "
                "실험실이 응답하면 이어서 하세요:",
            )
        screen.note(text)
        screen.note(f"  {wishes.resumes_with or resume_command(state, wishes.store)}")
    except OSError:
        pass  # after SIGHUP there may be no terminal to say it on


def _conclude(platform: "Platform", state: "CampaignState", wishes: Wishes) -> None:
    from kgenesis.app.report import make_report, summary, write_report
    from kgenesis.cli.summary import show
    from kgenesis.kernel.errors import MissingPart

    report = make_report(platform, state)
    path: Path | None = None
    if wishes.wants_report:
        folder = None if wishes.report_folder is None else Path(wishes.report_folder)
        try:
            path = write_report(platform, state, folder, lang(), report=report)["html"]
        except MissingPart as error:  # the campaign is done and kept; only its page is missing
            screen.note(error.in_(lang()))
    if wishes.is_json:
        screen.print_json(summary(platform, state, path, report))
    else:
        show(report, state, None if path is None else str(path))
    sys.stdout.flush()
