"""Patients in: OpenKBP, phantoms, and any folder in the dataset layout."""
