"""Files in and out: NIfTI."""
