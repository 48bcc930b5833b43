"""The terminal face: every use case as a plain command, and the operator's session."""
