"""Light metrics of language models, with intervals: bits per byte, multiple choice, exact match, translation, code that passes tests."""
