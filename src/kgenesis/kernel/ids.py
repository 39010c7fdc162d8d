"""Identifiers are types, so that a campaign's id can never be passed where an experiment's is meant."""

import secrets
import time
from typing import NewType

CampaignId = NewType("CampaignId", str)
ExperimentId = NewType("ExperimentId", str)
MissionId = NewType("MissionId", str)
QuestionId = NewType("QuestionId", str)
StreamId = NewType("StreamId", str)


def _base32(number: int, width: int) -> str:
    digits = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u to misread
    return "".join(digits[number >> 5 * i & 31] for i in reversed(range(width)))


def new_campaign_id() -> CampaignId:
    """Return a fresh id that sorts by time of creation: `cmp_` + 7 digits of seconds + 5 random ones."""
    return CampaignId(f"cmp_{_base32(int(time.time()), 7)}{_base32(secrets.randbits(25), 5)}")


def new_question_id() -> QuestionId:
    """Return a fresh id that sorts by time of creation, as a campaign's."""
    return QuestionId(f"qst_{new_campaign_id().removeprefix('cmp_')}")


def new_mission_id() -> MissionId:
    """Return a fresh id of a mission: as a campaign's, with `mis_`."""
    return MissionId(f"mis_{new_campaign_id().removeprefix('cmp_')}")


def experiment_id(campaign: CampaignId, number: int) -> ExperimentId:
    """Return the id of a campaign's `number`-th experiment (from 1).

    Derived, not drawn, so that a resumed campaign names its experiments as an uninterrupted one would.
    """
    return ExperimentId(f"exp_{campaign.removeprefix('cmp_')}_{number:05d}")
