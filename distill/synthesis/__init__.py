"""Text lines made from fonts: texts, faces, degradation, and the files they are kept in."""
