"""What is looked at before a training: recipes, lines and pages checked, pictures of what training sees."""
