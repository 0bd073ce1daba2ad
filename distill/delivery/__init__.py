"""What leaves the house: exports held against the model, pages, and how fast it all is."""
