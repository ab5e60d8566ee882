"""The one loop that trains every kind of run, and what it stands on."""
