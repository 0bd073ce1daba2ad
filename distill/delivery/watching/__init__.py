"""To look at runs while they train, and afterwards: on a page, or in a terminal."""
