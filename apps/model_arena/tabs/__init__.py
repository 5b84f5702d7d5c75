"""The screen of the Model Arena, one tab a file."""
