"""Synthetic text lines: their texts, fonts and degradation, and the files they are kept in."""
