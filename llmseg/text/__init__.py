"""The note: its facts, its wordings, and the frozen language model that reads it."""
