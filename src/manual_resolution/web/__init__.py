"""The web console and the API: a face beside the terminal (design, Faces)."""
