"""Whole pages: a locator finds the lines, a recogniser reads them. Needs OpenCV (the extra `pages`)."""
