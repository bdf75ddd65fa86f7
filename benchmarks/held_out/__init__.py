"""Made-up notes on head and neck cancer with their true facts, for `benchmarks/reading.py`.

`cases` draws a patient, `set_a` to `set_j` hold layouts, phrases and names, `filling` puts a patient into a layout.
The sets share no phrase, layout or name, so that a set read once can be put aside for a fresh one.
"""
