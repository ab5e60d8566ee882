"""Recorded runs: the only code that reads or writes results."""
