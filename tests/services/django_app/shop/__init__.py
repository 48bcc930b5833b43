"""A bare Django project: it deletes a plan's PDF when asked to, and does not always succeed."""
