"""Figures: functions that draw arrays and frames, in two themes."""
