"""From a folder of lines to a recipe: what lies there, what fits it, and why."""
