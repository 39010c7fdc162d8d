"""The arena: the foundation model, or a partner's, against yardsticks on suites that were frozen before training."""
