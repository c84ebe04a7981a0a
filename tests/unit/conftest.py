"""What holds for all unit tests: an example of a property may take its time, for machines differ and are shared. Before a change
lands (CI is set) the examples are the same at each run, so that what fails there fails again; elsewhere new ones are drawn."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("patient", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("patient")
