"""Who decides what to try next; every planner is a plug-in of the group `kgenesis.planners`."""
