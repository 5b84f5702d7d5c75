"""Measurements of every speed and memory claim, one file a claim."""
