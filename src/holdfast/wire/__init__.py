"""Text to model and back: documents are read strictly, every problem at once, and written so that they read again."""
