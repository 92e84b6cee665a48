"""The physical limits that our functions are measured against: the least that anybody could do."""

import functions_framework
from google.cloud import firestore

client = None


@functions_framework.http
def bare_get(request):
    """One Firestore get, as the documentation shows it, and nothing else."""
    global client
    client = client or firestore.Client()
    document = client.collection("bench").document("bare").get()
    return {"found": document.exists}


@functions_framework.http
def bare_import(request):
    """Imports the Firestore client and answers."""
    return {"success": True}
