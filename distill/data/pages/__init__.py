"""Pages with the places of their lines: opened from any source, augmented, made into maps to learn from."""
