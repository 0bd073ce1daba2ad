"""How fast finished models and the renderer are on one core, and what else they take."""
