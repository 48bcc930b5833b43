"""The API under `/api/v1`: every use case of the terminal as JSON, under the same checks."""
