"""What should happen around an interview and when, decided from plain values: no input or output, no clock, no lots."""
