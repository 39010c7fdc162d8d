"""Simulators that come with K-Genesis: a folder for each field, with its laboratories and the missions that use them."""
