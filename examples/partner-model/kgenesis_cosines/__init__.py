"""An example of a partner's model for K-Genesis: `adapter.py` answers, `training.py` learned."""
