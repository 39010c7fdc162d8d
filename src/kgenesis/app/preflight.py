"""What can be said of a mission before a campaign is opened, without writing anything."""

from pathlib import Path

from kgenesis.app.campaigns import check_outcomes
from kgenesis.app.mission_files import LoadedMission
from kgenesis.app.platform import make_lab, open_platform, plugin_context
from kgenesis.app.reference import find_reference
from kgenesis.campaign.baselines import Baseline, baseline
from kgenesis.campaign.reference import load_reference
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import BadInput, MissingPart, NotFound, UnknownPlugin
from kgenesis.kernel.ids import CampaignId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Lab
from kgenesis.kernel.text import Text, say


def lab_that_takes(mission: Mission, folder: Path, file: str = "") -> Lab | None:
    """Return the lab of a mission as far as it can be made here, and make sure that it takes the mission as it is.

    The lab is the one that knows its units, and what physics allows: it refuses a target that nothing can reach.

    Args:
        mission: what is asked of it.
        folder: where relative paths in its settings start.
        file: what a person types to name the mission.

    Returns:
        None if a package or a plug-in is not installed here: then it is judged where it runs.

    Raises:
        InvalidSpec: its settings, factors, units or targets are not valid, or it does not measure what is asked for.
    """
    try:
        lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, folder)
    except (MissingPart, UnknownPlugin):
        return None
    check_outcomes(mission, lab, file)
    return lab


def check_can_run(loaded: LoadedMission) -> None:
    """Make sure that a mission's lab and planner can be made here.

    Raises:
        UnknownPlugin, MissingPart: there is no such lab or planner, or a package it needs is not installed.
        InvalidSpec: their settings are not valid, or the lab does not measure what the mission asks for.
    """
    mission = loaded.mission
    lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)
    lab.version  # noqa: B018  (a lab knows only now whether its simulator is installed)
    check_outcomes(mission, lab, loaded.source)
    context = plugin_context(mission.problem, mission.planner.settings, loaded.folder)
    make_plugin("planners", mission.planner.name, context)


def check_runs_by_itself(mission: Mission, name: str) -> None:
    """Make sure that a program can do a mission's experiments.

    Args:
        mission: the mission.
        name: what a person types to name it or its campaign.

    Raises:
        BadInput: people do them; a run would only use up the budget.
    """
    if mission.lab.name == "people":
        raise BadInput(
            say("the experiments of this mission are done by people", "이 미션의 실험은 사람이 합니다"),
            hint=say(
                f"`kgenesis suggest {name} -n 4 -o next.csv` writes a sheet to fill in.",
                f"`kgenesis suggest {name} -n 4 -o next.csv`로 채워 넣을 시트를 만드세요.",
            ),
        )


def reference_of(loaded: LoadedMission, store: str | None = None) -> tuple[Baseline | None, Text | None]:
    """Return what campaigns of a mission will be compared with, and what must be said about it.

    Args:
        loaded: the mission.
        store: as `open_platform` takes it; need not exist.
    """
    mission = loaded.mission
    lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)
    unopened = CampaignState(
        CampaignId("cmp_unopened"), mission, mission.budget, 0, str(loaded.folder), lab.version, lab.is_physical, {}, ""
    )
    try:
        platform = open_platform(store, read_only=True)
    except NotFound:
        if loaded.shipped_reference.is_file():
            return baseline(load_reference(loaded.shipped_reference), mission.problem), None
        return None, say("there is no reference yet", "아직 비교 기준이 없습니다")
    return find_reference(platform, unopened)
