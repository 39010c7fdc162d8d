"""What may happen to a mission, and who may bring it about: pure functions from a state to facts, or a refusal."""

from collections.abc import Sequence
from typing import Any, Literal

from kgenesis.kernel.errors import BadInput, InvalidSpec, Mistake, Refused
from kgenesis.kernel.ids import CampaignId
from kgenesis.kernel.text import Text, say
from kgenesis.missions import events as facts
from kgenesis.missions.spec import Charter
from kgenesis.missions.standing import Standing
from kgenesis.missions.state import MissionState

Role = Literal["director", "partner", ""]

_STEERING = {
    "open": say("open it", "개시"),
    "pause": say("pause it", "중단"),
    "resume": say("resume it", "재개"),
    "pivot": say("change its charter", "방향 전환"),
    "stop": say("stop it", "종료"),
    "revise": say("revise its draft", "초안 수정"),
}
_TAKING_PART = {"run": say("run its campaigns", "캠페인 실행"), "join": say("let a campaign join", "캠페인 합류")}
_NEEDS_REASON = ("pause", "pivot", "stop")


def role_of(charter: Charter, actor: str) -> Role:
    """Return what a charter calls somebody, by name."""
    if actor and actor == charter.director:
        return "director"
    return "partner" if any(partner.name == actor for partner in charter.partners) else ""


def missing_pieces(charter: Charter) -> list[Mistake]:
    """Return what a charter lacks before it can be opened."""
    wanted: tuple[tuple[bool, str, Text], ...] = (
        (bool(charter.statement), "statement", say("what is promised", "무엇을 약속하는지")),
        (bool(charter.technologies), "technologies", say("the technology it serves", "어느 기술을 위한 것인지")),
        (bool(charter.director), "director", say("who decides", "누가 결정하는지")),
        (charter.budget is not None, "budget", say("what may be spent", "얼마까지 쓸 수 있는지")),
        (bool(charter.mission_files), "mission_files", say("what its campaigns do", "캠페인이 무엇을 하는지")),
    )
    return [Mistake(say(f"missing: {text.en}", f"빠짐: {text.ko}"), name) for has, name, text in wanted if not has]


def check_complete(charter: Charter) -> None:
    """Make sure that nothing is missing.

    Raises:
        InvalidSpec: with one mistake for each missing piece.
    """
    missing = missing_pieces(charter)
    if missing:
        names = ", ".join(mistake.field for mistake in missing)
        raise InvalidSpec(
            say(f"the charter of {charter.name} is a draft: it lacks {names}",
                f"{charter.name}의 헌장은 아직 초안입니다. 빠진 것: {names}"),
            missing,
            hint=say(
                "Write what is missing into the charter; `kgenesis mission new` shows a whole one.",
                "빠진 것을 헌장에 적으세요. `kgenesis mission new`가 완전한 예를 만듭니다.",
            ),
        )  # fmt: skip


def drafted(charter: Charter, folder: str, actor: str, reason: str = "") -> facts.MissionDrafted:
    """Return the first fact of a mission."""
    return facts.MissionDrafted(
        charter=as_json(charter), folder=folder, actor=actor, role=role_of(charter, actor), reason=reason
    )


def as_json(charter: Charter) -> dict[str, Any]:
    """Return a charter as the log keeps it."""
    return charter.model_dump(mode="json", exclude_defaults=True) | {"kgenesis": charter.kgenesis}


def revised(state: MissionState, charter: Charter, folder: str, actor: str) -> Sequence[facts.MissionRevised]:
    """Replace the charter of a draft; the director it names may, and anybody while it names none."""
    if state.charter.director:
        _check_role(state.charter, actor, "revise")
    _check_status(state, "revise", ("drafted",))
    if charter == state.charter:
        return []
    role = role_of(charter, actor)
    return [facts.MissionRevised(charter=as_json(charter), folder=folder, actor=actor, role=role)]


def opened(state: MissionState, actor: str, reason: str = "") -> facts.MissionOpened:
    """Make the promise."""
    _check_status(state, "open", ("drafted",))
    check_complete(state.charter)
    role = _check_role(state.charter, actor, "open")
    return facts.MissionOpened(actor=actor, role=role, reason=reason)


def paused(state: MissionState, actor: str, reason: str) -> facts.MissionPaused:
    """Let nothing be run for a while."""
    role = _may_steer(state, actor, "pause", reason, ("opened", "running", "pivoted"))
    return facts.MissionPaused(actor=actor, role=role, reason=reason)


def resumed(state: MissionState, actor: str, reason: str = "") -> facts.MissionResumed:
    """End a pause."""
    role = _may_steer(state, actor, "resume", reason, ("paused",))
    return facts.MissionResumed(actor=actor, role=role, reason=reason)


def stopped(state: MissionState, actor: str, reason: str) -> facts.MissionStopped:
    """Give the mission up (as a special evaluation may ask: Innovation Act, Article 15)."""
    role = _may_steer(state, actor, "stop", reason, ("opened", "running", "paused", "pivoted"))
    return facts.MissionStopped(actor=actor, role=role, reason=reason)


def pivoted(
    state: MissionState, charter: Charter, folder: str, actor: str, reason: str, spent: int
) -> facts.MissionPivoted:
    """Change the promise.

    Args:
        state: the mission.
        charter: the new one; it keeps the name.
        folder: where its relative paths start.
        actor: who decides.
        reason: why.
        spent: experiments proposed so far.
    """
    role = _may_steer(state, actor, "pivot", reason, ("opened", "running", "paused", "pivoted"))
    check_complete(charter)
    if charter.name != state.charter.name:
        raise BadInput(
            say(f"the new charter is called {charter.name!r}, the mission {state.charter.name!r}",
                f"새 헌장의 이름은 {charter.name!r}, 미션의 이름은 {state.charter.name!r}입니다"),
            hint=say("Another promise is another mission: open it by itself.", "다른 약속은 다른 미션입니다. 따로 여세요."),
        )  # fmt: skip
    if charter == state.charter:
        raise BadInput(
            say("the new charter says what the present one says", "새 헌장이 지금 헌장과 같습니다"),
            hint=say("Change the file first.", "먼저 파일을 고치세요."),
        )
    assert charter.budget is not None
    if charter.budget.experiments < spent:
        raise BadInput(
            say(f"{spent} experiments are spent; the budget cannot be {charter.budget.experiments}",
                f"이미 실험 {spent}회를 썼으므로 예산을 {charter.budget.experiments}회로 할 수 없습니다"),
            hint=say("Give it at least what is spent.", "쓴 만큼은 주어야 합니다."),
        )  # fmt: skip
    return facts.MissionPivoted(charter=as_json(charter), folder=folder, actor=actor, role=role, reason=reason)


def may_run(state: MissionState, actor: str) -> Role:
    """Make sure that somebody may run a campaign now.

    Raises:
        Refused: they may not, or the mission is not under way.
    """
    _check_status(state, "run", ("opened", "running", "pivoted"))
    return _check_role(state.charter, actor, "run")


def joined(state: MissionState, campaign: CampaignId, mission_file: str, actor: str) -> facts.CampaignJoined:
    """Let a campaign be evidence."""
    _check_status(state, "join", ("opened", "running", "pivoted"))
    role = _check_role(state.charter, actor, "join")
    if campaign in state.campaigns:
        raise Refused(
            say(f"{campaign} is part of {state.id} already", f"{campaign}은(는) 이미 {state.id}에 들어 있습니다"),
            hint=say(
                f"`kgenesis mission show {state.id}` lists them.", f"`kgenesis mission show {state.id}`로 보세요."
            ),
        )
    return facts.CampaignJoined(campaign=campaign, mission_file=mission_file, actor=actor, role=role)


def proved(state: MissionState, standing: Standing) -> list[facts.MilestonePassed | facts.MissionMet]:
    """Return what the campaigns' logs prove and the mission's log does not say yet."""
    if state.status not in {"opened", "running", "pivoted"}:
        return []
    found: list[facts.MilestonePassed | facts.MissionMet] = [
        facts.MilestonePassed(
            milestone=m.milestone.name, exam=m.milestone.exam, campaign=CampaignId(m.by.campaign),
            experiment=m.by.experiment, found_at=m.by.at, values=dict(m.values),
        )
        for m in standing.milestones
        if m.by is not None and m.milestone.name not in state.passed
    ]  # fmt: skip
    if standing.is_met:
        found.append(
            facts.MissionMet(
                reached=tuple(
                    facts.Reached(
                        outcome=k.kpi.outcome, value=k.reached_by.values[k.kpi.outcome],
                        campaign=CampaignId(k.reached_by.campaign), experiment=k.reached_by.experiment,
                        found_at=k.reached_by.at,
                    )
                    for k in standing.kpis
                    if k.reached_by is not None
                )
            )
        )  # fmt: skip
    return found


def _may_steer(state: MissionState, actor: str, what: str, reason: str, allowed: Sequence[str]) -> Role:
    _check_status(state, what, allowed)
    role = _check_role(state.charter, actor, what)
    if what in _NEEDS_REASON and not reason.strip():
        raise BadInput(
            say("a reason is needed: it stays in the log", "까닭이 필요합니다. 기록에 남습니다"),
            hint=say("Give it with `--reason`.", "`--reason`으로 주세요."),
        )
    return role


def _check_role(charter: Charter, actor: str, what: str) -> Role:
    role = role_of(charter, actor)
    deed = (_STEERING | _TAKING_PART)[what]
    if role == "director" or (role == "partner" and what in _TAKING_PART):
        return role
    director = charter.director or "?"
    if role == "partner":
        detail = say(
            f"{actor} is a partner; only the director, {director}, may {deed.en}",
            f"{actor}은(는) 참여자입니다. 책임자 {director}만 할 수 있습니다: {deed.ko}",
        )
    else:
        detail = say(
            f"the charter knows no {actor!r}, who wants to {deed.en}",
            f"헌장에 {actor!r}(이)라는 사람이 없습니다: {deed.ko}",
        )
    raise Refused(
        detail,
        hint=say(
            f"Say who you are with `--as`; the director is {director}. Names are taken as given: nobody logs in yet.",
            f"`--as`로 이름을 주세요. 책임자는 {director}입니다. 아직 로그인이 없어 이름을 그대로 믿습니다.",
        ),
    )


def _check_status(state: MissionState, what: str, allowed: Sequence[str]) -> None:
    if state.status in allowed:
        return
    deed = (_STEERING | _TAKING_PART)[what]
    hints = {
        "drafted": say(f"`kgenesis mission open {state.id}` opens it.", f"`kgenesis mission open {state.id}`로 여세요."),
        "paused": say(f"`kgenesis mission resume {state.id}` ends the pause.",
                      f"`kgenesis mission resume {state.id}`로 다시 시작하세요."),
    }  # fmt: skip
    look = say(
        f"`kgenesis mission history {state.id}` tells why.", f"`kgenesis mission history {state.id}`로 까닭을 보세요."
    )
    raise Refused(
        say(f"{state.id} is {state.status}: nobody can {deed.en} now",
            f"{state.id}의 상태는 {state.status}이므로 지금은 할 수 없습니다: {deed.ko}"),
        hint=hints.get(state.status, look),
    )  # fmt: skip
