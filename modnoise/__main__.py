"""``python -m modnoise``: the command line of `modnoise.cli`."""

from modnoise.cli import main

main()
