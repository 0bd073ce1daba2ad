"""Lines: where they come from, how they are drawn, changed, ordered and batched."""
