"""From facts to booked interviews and back: what the scheduler gathers, keeps, asks and watches, beside its loop."""
