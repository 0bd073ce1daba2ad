"""What the locator of a page's lines follows: boxes, and a teacher."""
