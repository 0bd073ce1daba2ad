"""What leaves the suite: exports held against the model, pages, and how fast it all is."""
