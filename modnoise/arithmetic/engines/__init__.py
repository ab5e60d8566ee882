"""Training: one loop (`loop`), a fast engine (`fast`), a reference engine (`reference`)."""
