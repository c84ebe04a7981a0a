"""What holds for all unit tests: an example of a property may take its time, for machines differ and are shared."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
