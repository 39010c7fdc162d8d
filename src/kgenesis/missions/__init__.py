"""A promise, who keeps it, where it stands: charters and their life."""
