"""The screen of the Dataset Explorer, one tab a file."""
