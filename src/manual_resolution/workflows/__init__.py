"""What MRQ knows about the specification's item types, one module each; a team's own stand elsewhere."""
