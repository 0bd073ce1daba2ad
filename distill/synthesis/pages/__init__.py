"""Synthetic pages: layouts set from fonts and texts, on paper, in front of a camera; where their lines are is exact."""
