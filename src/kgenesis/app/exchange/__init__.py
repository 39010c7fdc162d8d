"""K-Genesis among its peers: it decides inside other frameworks, and trades tables of experiments with them."""
