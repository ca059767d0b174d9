"""What the worker can do."""
from .celery import app


@app.task
def add(a, b):
    """Return the sum of two numbers."""
    return a + b
