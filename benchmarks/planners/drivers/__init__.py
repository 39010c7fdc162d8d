"""Other people's optimisers, one driver and one list of requirements each; run in environments of their own."""
