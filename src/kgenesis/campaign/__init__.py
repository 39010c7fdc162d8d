"""Decide what to try, remember what happened, know when to stop."""
