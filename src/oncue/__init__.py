"""Oncue publishes posts to social networks: on cue and exactly once."""

__version__ = "0.1.0"
