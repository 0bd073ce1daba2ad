"""A reader a format: each turns what lies on disk into names, texts and a function that fetches image bytes."""
