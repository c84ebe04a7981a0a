"""The rules engine: pure. No input or output, no clock, no lots; equal arguments give equal results."""
