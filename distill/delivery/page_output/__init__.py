"""Files that hold a page that was read: hOCR, ALTO, PAGE XML, searchable PDF."""
