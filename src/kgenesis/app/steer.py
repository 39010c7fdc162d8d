"""Ask a campaign to end, or give it more to spend."""

from kgenesis.app.campaigns import append, append_anyway, catch_up, read_campaign
from kgenesis.app.platform import Platform
from kgenesis.campaign import decide
from kgenesis.campaign.events import CampaignExtended, StopAsked
from kgenesis.campaign.spec import Budget
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import CampaignBusy, InvalidSpec
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import say


def stop_campaign(platform: Platform, name: str, reason: str = "") -> CampaignState:
    """End a campaign; whoever runs it finishes what is under way first.

    Returns:
        The state: ended, or with `stop_asked` where another process still drains it.
    """
    state = read_campaign(platform, name)
    if state.stopped is not None:
        return state
    append_anyway(platform, state, lambda: [] if state.stop_asked else [StopAsked(reason=reason)])
    try:
        with platform.store.lease(StreamId(state.id)) as lease:
            catch_up(platform, state)
            if state.stopped is None:
                append(platform, state, decide.recovered(state, frozenset()), lease.fence)
                append(platform, state, decide.stopped(state, "asked"), lease.fence)
    except CampaignBusy:
        pass  # its runner sees the wish within half a second
    return state


def extend_campaign(
    platform: Platform,
    state: CampaignState,
    *,
    experiments: int | None = None,
    cost: float | None = None,
    hours: float | None = None,
) -> None:
    """Set a new budget; a campaign that had ended is open again.

    Args:
        platform: the store it lives in.
        state: changed in place.
        experiments: in all, from the first one on.
        cost: in all, in the mission's unit of cost.
        hours: in all.

    Raises:
        InvalidSpec: less than what has been spent.
    """
    new = Budget(
        experiments=experiments or state.budget.experiments,
        cost=cost or state.budget.cost,
        hours=hours or state.budget.hours,
    )
    if new.experiments < state.n_counted:
        raise InvalidSpec(
            say(
                f"{state.n_counted} experiments are already proposed; the budget cannot be {new.experiments}",
                f"이미 {state.n_counted}개를 제안했으므로 예산을 {new.experiments}개로 줄일 수 없습니다",
            )
        )
    if new != state.budget or state.stopped is not None:
        append_anyway(platform, state, lambda: [CampaignExtended(budget=new)])
