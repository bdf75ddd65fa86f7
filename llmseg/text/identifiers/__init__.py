"""What tells who a patient is, kind by kind: each rule yields the spans of its identifiers in one reading of a note."""
