"""The checks of pages: pictures, boxes, texts, pages that two parts share, and what a locator finds otherwise."""
