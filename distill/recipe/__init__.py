"""What a run is: the sections of a recipe, and how its file is read."""
