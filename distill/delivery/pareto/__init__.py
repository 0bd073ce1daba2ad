"""Which student of a comparison to take: exact lines against lines a second and bytes."""
