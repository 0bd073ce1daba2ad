"""The lines and pages of a run: opened, cut by document, checked, and whatever cannot be used named."""
