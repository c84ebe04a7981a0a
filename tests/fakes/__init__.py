"""Servers that stand in for the providers, over real HTTP on loopback; they keep the rules that the real ones document."""
