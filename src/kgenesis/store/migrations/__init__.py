"""How a store of any earlier revision becomes one of the present; run by `store/schema.py`."""
