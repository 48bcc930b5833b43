"""A bare FastAPI service: it deletes a plan's PDF when asked to, and does not always succeed."""

from fastapi import FastAPI

app = FastAPI()


def delete_pdf(plan: int) -> None:
    """Stands for the call to a storage service, which refuses plan 7."""
    if plan == 7:
        raise ConnectionError("503 Service Unavailable")


@app.delete("/plans/{plan}/pdf")
def remove_pdf(plan: int) -> dict[str, str]:
    delete_pdf(plan)
    return {"pdf": "deleted"}
