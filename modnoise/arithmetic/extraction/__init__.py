"""Extraction of the rule from a net's third moment, with its group known or not (ours)."""
