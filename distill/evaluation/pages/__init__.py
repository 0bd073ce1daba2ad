"""How well a page is found and read: lines matched, counted and scored; a page run's report; other page readers."""
