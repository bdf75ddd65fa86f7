"""Every claim as a command: named experiments, their arms, and the report on what was stored."""
