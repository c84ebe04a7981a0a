"""One suite for every calendar: what `calendars/base.py` promises, checked against each provider in turn."""
