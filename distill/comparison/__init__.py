"""Settings of the student compared: one teacher, the same seeds and budgets for each."""
