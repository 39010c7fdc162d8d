"""The programme's yearly report, written from logged facts only.

Its six parts are those of the yearly report that Executive Order 14363 of 24 November 2025 (section 6) asks of the
Genesis Mission; its calendar is that of Korea's Special Act on national strategic technology (Enforcement Decree,
Article 5): results and plan by 15 January, the ministry's report by 15 March. Where nothing is logged, a part says so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kgenesis.app import mission_words as words
from kgenesis.app.campaign_facts import CampaignFacts, gain_of
from kgenesis.app.mission_view import history_data, pooled_data
from kgenesis.app.papers import NOTHING, Cell, Paper, Section, Table
from kgenesis.app.platform import Platform
from kgenesis.app.scoreboard import Entry, Programme, read_programme, scoreboard
from kgenesis.app.scoreboard_page import forest
from kgenesis.kernel.errors import BadInput
from kgenesis.kernel.text import Text, say
from kgenesis.missions.state import MissionState

FIRST_YEAR = 2000


@dataclass(frozen=True)
class Year:
    """What a store says of one calendar year (UTC)."""

    year: int
    programme: Programme
    """All missions and campaigns, read once."""
    facts: Sequence[dict[str, Any]]
    """What happened to missions within the year, in order."""

    def holds(self, at: str) -> bool:
        """Say whether a time of the log lies in the year."""
        return at.startswith(f"{self.year:04d}-")

    @property
    def entries(self) -> list[Entry]:
        """Campaigns with a result in the year."""
        return [entry for entry in self.programme.entries if self.results(entry.facts)]

    @property
    def missions(self) -> list[MissionState]:
        """Missions to which something happened in the year, or whose campaigns had a result in it."""
        at_work = {entry.mission.id for entry in self.entries if entry.mission is not None}
        told = {fact["mission"] for fact in self.facts}
        return [state for state in self.programme.missions if state.id in at_work | told]

    def results(self, campaign: CampaignFacts) -> list[Any]:
        """Return a campaign's results of the year."""
        return [result for result in campaign.results if self.holds(result.at)]


def read_year(platform: Platform, year: int) -> Year:
    """Read what a store says of a year.

    Raises:
        BadInput: the year has not begun, or is none.
    """
    now = datetime.now(UTC).year
    if not FIRST_YEAR <= year <= now:
        raise BadInput(
            say(f"there is no report for {year}", f"{year}년 보고서는 만들 수 없습니다"),
            hint=say(f"Choose a year up to {now}.", f"{now}년까지의 해를 고르세요."),
        )
    # a past year is told as the log stood at its end, so that its report says the same whenever it is made
    programme = read_programme(platform, datetime(year + 1, 1, 1, tzinfo=UTC) if year < now else None)
    facts = [
        fact | {"mission": state.id, "name": state.charter.name}
        for state in programme.missions
        for fact in history_data(platform, state)
    ]
    held = [fact for fact in facts if fact["at"].startswith(f"{year:04d}-")]
    return Year(year, programme, sorted(held, key=lambda fact: str(fact["at"])))


def annual_report(platform: Platform, year: int) -> Paper:
    """Return the report of a year as a page.

    Raises:
        BadInput: the year has not begun, or is none.
    """
    found = read_year(platform, year)
    rows = {row["key"]: row for row in scoreboard(platform, "mission", found.programme)["rows"]}
    sections = (
        _operation(found),
        _integration(found),
        _people(found),
        _outcomes(found, rows),
        _partnerships(found),
        _needs(found, rows),
        _next_year(found, rows),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    last = "" if year < datetime.now(UTC).year else " (the year is not over)"
    return Paper(
        say("K-Genesis programme", "K-Genesis 사업"),
        say(f"Annual report {year}{last}", f"{year}년 연차 보고서{' (연중)' if last else ''}"),
        say(
            f"For the yearly cycle of the national strategic technologies: results and plan are due on 15 January "
            f"{year + 1}, the ministry's report on 15 March {year + 1}.",
            f"국가전략기술 연간 주기용: 추진 실적과 계획은 {year + 1}년 1월 15일까지, 과기정통부 보고는 "
            f"{year + 1}년 3월 15일까지입니다.",
        ),
        sections,
        say(
            f"Written {now} by `kgenesis mission report --year {year}` from the log at {platform.store.place}; no "
            f"figure was typed by hand.",
            f"{now}, `kgenesis mission report --year {year}`가 {platform.store.place}의 기록으로 작성. "
            f"손으로 적은 수치는 없습니다.",
        ),
    )


def _section(en: str, ko: str, sentences: Sequence[Text], sources: Sequence[str], **more: Any) -> Section:
    return Section(say(en, ko), tuple(sentences) or (NOTHING,), sources=tuple(dict.fromkeys(sources)), **more)


def _operation(found: Year) -> Section:
    """Part 1: operating status and capabilities."""
    entries = found.entries
    if not entries:
        return _section("1. Operating status and capabilities", "1. 운영 현황과 역량", (), ["kgenesis campaign list"])
    results = [result for entry in entries for result in found.results(entry.facts)]
    n_failed = sum(result.is_failure for result in results)
    states = Counter(state.status for state in found.missions)
    listed_en = ", ".join(f"{n} {words.STATES[s].en}" for s, n in states.items())
    listed_ko = ", ".join(f"{words.STATES[s].ko} {n}" for s, n in states.items())
    by_lab: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        counts = by_lab.setdefault((entry.facts.state.mission.lab.name, entry.facts.state.lab_version), [0, 0, 0])
        own = found.results(entry.facts)
        for i, n in enumerate((1, len(own), sum(result.is_failure for result in own))):
            counts[i] += n
    sentences = [
        say(
            f"Ended in {found.year}: campaigns {len(entries)}, experiments {len(results)}, of which {n_failed} without "
            "a result.",
            f"{found.year}년에 캠페인 {len(entries)}개에서 실험 {len(results)}회가 끝났고, 그중 {n_failed}회는 결과를 "
            "얻지 못했습니다.",
        )
    ]
    if states:
        sentences.append(say(f"Missions: {listed_en}.", f"미션: {listed_ko}."))
    table = Table(
        (say("Laboratory", "실험실"), say("Version", "버전"), say("Campaigns", "캠페인"), say("Experiments", "실험"),
         say("Failed", "실패")),
        tuple((lab, version, *map(str, counts)) for (lab, version), counts in sorted(by_lab.items())),
    )  # fmt: skip
    sources = ["kgenesis campaign list", *(entry.facts.id for entry in entries)]
    return _section("1. Operating status and capabilities", "1. 운영 현황과 역량", sentences, sources, tables=(table,))


def _integration(found: Year) -> Section:
    """Part 2: integration across laboratories: what one campaign took from another, and which labs a mission joins."""
    heading = "2. Integration across laboratories", "2. 실험실 간 통합"
    taken = [
        (entry, source)
        for entry in found.programme.entries
        if found.holds(entry.facts.state.opened_at)
        for source in entry.facts.state.taken
    ]
    sentences: list[Text] = []
    tables: list[Table] = []
    if taken:
        n = sum(len(source.experiments) for _, source in taken)
        sentences.append(say(
            f"{len(taken)} times a campaign was begun with what others had measured: {n} earlier experiments.",
            f"다른 곳에서 잰 결과로 시작한 캠페인이 {len(taken)}건, 가져온 이전 실험은 {n}회입니다.",
        ))  # fmt: skip
        rows = tuple(
            (entry.facts.id, source.name, source.origin, str(len(source.experiments))) for entry, source in taken
        )
        tables.append(Table(
            (say("Campaign", "캠페인"), say("Learned from", "배운 곳"), say("Origin", "출처"), say("Experiments", "실험")),
            rows,
        ))  # fmt: skip
    several: list[MissionState] = []
    for state in found.missions:
        labs = {
            e.facts.state.mission.lab.name for e in found.entries if e.mission is not None and e.mission.id == state.id
        }
        if len(labs) > 1:
            several.append(state)
            listed = ", ".join(sorted(labs))
            sentences.append(say(
                f"{state.charter.name} joins {len(labs)} laboratories: {listed}.",
                f"{state.charter.name}은(는) 실험실 {len(labs)}곳을 함께 씁니다: {listed}.",
            ))  # fmt: skip
    sources = [*(entry.facts.id for entry, _ in taken), *(state.id for state in several)]
    return _section(*heading, sentences, sources or ["kgenesis campaign log"], tables=tuple(tables))


def _people(found: Year) -> Section:
    """Part 3: who used it. Training is not logged."""
    heading = "3. User engagement and training", "3. 이용자 참여와 교육"
    actors: dict[tuple[str, str], int] = {}
    for fact in found.facts:
        if fact.get("actor"):
            key = str(fact["actor"]), str(fact.get("role", ""))
            actors[key] = actors.get(key, 0) + 1
    by_hand = [entry for entry in found.entries if entry.facts.state.lab_is_physical]
    sentences: list[Text] = []
    if actors:
        people = len({name for name, _ in actors})
        sentences.append(say(
            f"People who decided something about a mission, by the names they gave: {people}.",
            f"미션에 관해 결정한 사람은 밝힌 이름으로 {people}명입니다.",
        ))  # fmt: skip
    if by_hand:
        n = sum(len(found.results(entry.facts)) for entry in by_hand)
        sentences.append(say(
            f"{n} experiments in {len(by_hand)} campaigns were done in real laboratories.",
            f"실제 실험실에서 한 실험은 캠페인 {len(by_hand)}개, {n}회입니다.",
        ))  # fmt: skip
    if sentences:
        sentences.append(
            say("Training is not logged, so nothing is said of it.", "교육은 기록하지 않으므로 쓰지 않습니다.")
        )
    tables: tuple[Table, ...] = ()
    if actors:
        rows = tuple((name, words.ROLES.get(role, words.NONE), str(n)) for (name, role), n in sorted(actors.items()))
        tables = (Table((say("Name", "이름"), say("Role", "역할"), say("Decisions", "결정")), rows),)
    sources = [*dict.fromkeys(f"kgenesis mission history {fact['mission']}" for fact in found.facts)]
    return _section(*heading, sentences, sources or ["kgenesis mission list"], tables=tables)


def _outcomes(found: Year, rows: dict[str, dict[str, Any]]) -> Section:
    """Part 4: research and its measurable advances."""
    heading = "4. Research efforts and outcomes", "4. 연구 활동과 성과"
    shown = [rows[state.id] for state in found.missions if state.id in rows]
    cells: list[tuple[Cell, ...]] = []
    for row in shown:
        for kpi in row["kpis"]:
            cells.append((
                row["name"], words.target_text(kpi), words.best_text(kpi), _who(kpi),
                words.row_gain_text(row),
            ))  # fmt: skip
    ended = [e.facts for e in found.entries if e.facts.is_undecided and found.holds(e.facts.state.last_at)]
    settled = [e.facts for e in found.entries if e.facts.factor is not None and found.holds(e.facts.factor[0])]
    together = pooled_data(gain_of([*settled, *ended]))
    sentences: list[Text] = []
    if together is not None:
        said = words.acceleration_text(together)
        sentences.append(say(
            f"Acceleration of the campaigns settled in {found.year}, geometric mean: {said.en}.",
            f"{found.year}년에 판가름 난 캠페인의 가속 배수(기하평균): {said.ko}.",
        ))  # fmt: skip
        if together["n_at_most"]:
            k = together["n_at_most"]
            sentences.append(say(
                f"{k} of them ended without the target and enter at what they spent, as upper bounds.",
                f"그중 {k}개는 목표에 닿지 못하고 끝나, 쓴 만큼의 상한값으로 넣었습니다.",
            ))  # fmt: skip
    elif found.entries:
        sentences.append(say(
            "No acceleration factor was settled: no campaign with a reference reached its target or ended.",
            "판가름 난 가속 배수가 없습니다: 기준이 있는 캠페인 가운데 목표에 닿거나 끝난 것이 없습니다.",
        ))  # fmt: skip
    passed = [fact for fact in found.facts if fact["type"] == "mission.milestone-passed"]
    met = [fact for fact in found.facts if fact["type"] == "mission.met"]
    for fact in passed:
        sentences.append(say(
            f"{fact['name']} passed its milestone {fact['milestone']} ({fact['exam']}) with {fact['experiment']}.",
            f"{fact['name']}: {fact['experiment']}(으)로 이정표 {fact['milestone']}({fact['exam']}) 통과.",
        ))  # fmt: skip
    for fact in met:
        by = ", ".join(dict.fromkeys(reached["experiment"] for reached in fact["reached"]))
        sentences.append(say(f"{fact['name']} was met, by {by}.", f"{fact['name']} 달성({by})."))
    tables: tuple[Table, ...] = ()
    if cells:
        columns = (say("Mission", "미션"), say("Target", "목표"), say("Best so far", "현재 최고"), say("By", "실험"),
                   say("Acceleration", "가속 배수"))  # fmt: skip
        tables = (Table(columns, tuple(cells)),)
    sources = ["kgenesis mission scoreboard", *(f"kgenesis mission status {row['key']}" for row in shown)]
    charts = forest(shown)
    return _section(*heading, sentences, sources, tables=tables, charts=(charts,) if charts else ())


def _who(kpi: dict[str, Any]) -> str:
    by = kpi.get("reached_by") or kpi.get("best_by")
    return by["experiment"] if by else "–"


def _partnerships(found: Year) -> Section:
    """Part 5: partners of the charters, and what they did. Technology transfer is not logged."""
    heading = "5. Public-private partnerships and technology transfer", "5. 민관 협력과 기술 이전"
    rows: list[tuple[Cell, ...]] = []
    for state in found.missions:
        for partner in state.charter.partners:
            own = [f for f in found.facts if f["mission"] == state.id and f.get("actor") == partner.name]
            n_joined = sum(fact["type"] == "mission.campaign-joined" for fact in own)
            rows.append((partner.name, state.charter.name, partner.role or words.NONE, str(n_joined)))
    if not rows:
        return _section(*heading, (), ["kgenesis mission show"])
    sentences = [
        say(f"Partners that the charters name: {len({row[0] for row in rows})}.",
            f"헌장에 적힌 참여자는 {len({row[0] for row in rows})}곳입니다."),
        say("Technology transfer is not logged, so nothing is said of it.", "기술 이전은 기록하지 않으므로 쓰지 않습니다."),
    ]  # fmt: skip
    columns = (
        say("Partner", "참여자"),
        say("Mission", "미션"),
        say("Brings", "역할"),
        say("Campaigns run", "실행한 캠페인"),
    )
    sources = [f"kgenesis mission show {state.id}" for state in found.missions]
    return _section(*heading, sentences, sources, tables=(Table(columns, tuple(rows)),))


def _needs(found: Year, rows: dict[str, dict[str, Any]]) -> Section:
    """Part 6: needs and authorities, as far as the log shows them: budgets used up, what is overdue, what was refused."""
    heading = "6. Needs and authorities", "6. 필요 사항과 권한"
    sentences: list[Text] = []
    sources: list[str] = []
    for state in found.missions:
        row = rows.get(state.id)
        if row is None:
            continue
        overdue = [m["name"] for m in row["milestones"] if m["state"] == "overdue"]
        if overdue and not state.has_ended:
            listed = ", ".join(overdue)
            sentences.append(say(f"{row['name']}: overdue: {listed}.", f"{row['name']}: 기한이 지난 이정표: {listed}."))
            sources.append(f"kgenesis mission status {state.id}")
        if row["budget"] and row["experiments"] >= row["budget"] and not state.has_ended:
            sentences.append(say(
                f"{row['name']}: all {row['budget']} experiments of its budget are spent and its targets are open.",
                f"{row['name']}: 예산의 실험 {row['budget']}회를 모두 썼고 목표는 남아 있습니다.",
            ))  # fmt: skip
            sources.append(f"kgenesis mission status {state.id}")
    lacking = [
        entry for entry in found.entries if entry.facts.known is None and entry.facts.why_no_reference is not None
    ]
    if lacking:
        names = ", ".join(dict.fromkeys(entry.facts.state.mission.name for entry in lacking))
        sentences.append(say(
            f"No reference exists for {names}, so nothing is said of what AI gained there.",
            f"{names}에는 비교 기준이 없어, AI로 얼마나 절약했는지 말할 수 없습니다.",
        ))  # fmt: skip
        sources += [entry.facts.id for entry in lacking]
    for fact in found.facts:
        if fact["type"] in {"mission.paused", "mission.pivoted", "mission.stopped"}:
            deed = words.DEEDS[fact["type"]]
            sentences.append(say(
                f"{fact['at'][:10]}, {fact['name']}: {deed.en} by {fact['actor']}: {fact['reason']}",
                f"{fact['at'][:10]}, {fact['name']}: {deed.ko}({fact['actor']}): {fact['reason']}",
            ))  # fmt: skip
            sources.append(f"kgenesis mission history {fact['mission']}")
    return _section(*heading, sentences, sources or ["kgenesis mission scoreboard"])


def _next_year(found: Year, rows: dict[str, dict[str, Any]]) -> Section:
    """The plan that Korea's cycle asks for beside the results: what is promised and still open."""
    heading = f"Plan for {found.year + 1}", f"{found.year + 1}년 계획"
    cells: list[tuple[Cell, ...]] = []
    for state in found.programme.missions:
        if state.has_ended or state.id not in rows:
            continue
        row = rows[state.id]
        left = (row["budget"] or 0) - row["experiments"]
        open_ = [m for m in row["milestones"] if m["state"] in {"open", "overdue"}]
        steps_en = "; ".join(f"{m['name']} ({words.due_text(m['due']).en})" for m in open_) or "–"
        steps_ko = "; ".join(f"{m['name']}({words.due_text(m['due']).ko})" for m in open_) or "–"
        targets = [words.target_text(kpi) for kpi in row["kpis"] if not kpi["is_reached"]]
        wanted = say("; ".join(x.en for x in targets) or "–", "; ".join(x.ko for x in targets) or "–")
        cells.append((row["name"], wanted, say(steps_en, steps_ko), str(max(left, 0))))
    if not cells:
        return _section(*heading, (), ["kgenesis mission list"])
    columns = (say("Mission", "미션"), say("Targets still open", "남은 목표"), say("Milestones still open", "남은 이정표"),
               say("Experiments left", "남은 실험"))  # fmt: skip
    sentence = say(
        "Promised in charters that hold, and not reached yet.", "유효한 헌장에 적혀 있고 아직 이루지 못한 것입니다."
    )
    sources = [f"kgenesis mission status {state.id}" for state in found.programme.missions if not state.has_ended]
    return _section(*heading, [sentence], sources, tables=(Table(columns, tuple(cells)),))
