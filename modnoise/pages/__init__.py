"""What notebooks and the book show: style, widgets, parameters, verdicts."""
