"""Calendars behind one contract (`base.py`): busy times in, events out. Pacing and retries live in `calendar_utils.py`."""
