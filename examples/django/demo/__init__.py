"""A page that sends tasks to Celery and shows their results."""
from .celery import app as celery_app

__all__ = ["celery_app"]
