"""Open the store a command was told of, and find a campaign in it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform
    from kgenesis.campaign.state import CampaignState


def existing(store: str | None) -> "Platform":
    """Open a store for writing that must be there already, so that a wrong place is said and nothing is made.

    Raises:
        NotFound: there is no store.
    """
    from kgenesis.app.platform import open_platform

    open_platform(store, read_only=True).store.close()
    return open_platform(store)


def store_if_any(store: str | None) -> "Platform | None":
    """Return the store for reading; None if there is none yet."""
    from kgenesis.app.platform import open_platform
    from kgenesis.kernel.errors import NotFound

    try:
        return open_platform(store, read_only=True)
    except NotFound:
        return None


def campaign_to_read(name: str, store: str | None) -> "tuple[Platform, CampaignState]":
    """Return a campaign to look at; nothing can be written."""
    from kgenesis.app.campaigns import read_campaign
    from kgenesis.app.platform import open_platform

    platform = open_platform(store, read_only=True)
    return platform, read_campaign(platform, name)


def campaign_to_change(name: str, store: str | None) -> "tuple[Platform, CampaignState]":
    """Return a campaign to go on with."""
    from kgenesis.app.campaigns import read_campaign

    platform = existing(store)
    return platform, read_campaign(platform, name)
