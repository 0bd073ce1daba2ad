"""What a student follows: the frozen teacher, its cached outputs, the loss terms."""
