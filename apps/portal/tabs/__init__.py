"""The screen of the portal, one tab a file."""
