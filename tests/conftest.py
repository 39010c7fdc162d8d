"""What every test runs with."""

from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about whether it holds.
settings.register_profile("kgenesis", deadline=None, derandomize=True)
settings.load_profile("kgenesis")
