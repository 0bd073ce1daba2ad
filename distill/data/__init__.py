"""Lines: where they come from, how they are mixed, ordered, augmented and batched."""
