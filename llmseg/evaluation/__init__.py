"""Evaluation: every case with its note and without it, on the input's own grid."""
