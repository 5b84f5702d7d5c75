"""Text generation and scoring behind one protocol, one file a backend."""
