"""What can be wrong with lines before anything is trained: labels, pictures, leaks, and what a teacher doubts."""
