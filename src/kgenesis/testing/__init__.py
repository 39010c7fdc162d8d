"""Conformance suites and builders for plug-in authors; nothing of K-Genesis imports them at run time."""
