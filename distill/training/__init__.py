"""One network, from its first weights to its best ones."""
