"""Tests on a real Postgres."""
