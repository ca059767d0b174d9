"""Celery's own command line, for this site: manage.py celery worker."""
from celery.bin.celery import celery
from django.core.management.base import BaseCommand

from demo import redis


class Command(BaseCommand):
    """Hands its arguments to Celery, whose exit status is the command's."""

    help = "Celery's own command line, for this site's application"

    def run_from_argv(self, argv):
        if "worker" in argv and "--help" not in argv:
            redis.wait()
        celery(["--app", "demo", *argv[2:]], prog_name="manage.py celery")
