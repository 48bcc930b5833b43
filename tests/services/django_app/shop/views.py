from django.http import JsonResponse


def delete_pdf(plan):
    """Stands for the call to a storage service, which refuses plan 7."""
    if plan == 7:
        raise ConnectionError("503 Service Unavailable")


def remove_pdf(request, plan):
    delete_pdf(plan)
    return JsonResponse({"pdf": "deleted"})
