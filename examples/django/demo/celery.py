"""The Celery application: broker and results are in Redis."""
from celery import Celery

from . import redis

app = Celery("demo", broker=redis.URL, backend=redis.URL, include=["demo.tasks"])
app.conf.update(
    # JSON only: with pickle, a worker that runs as root refuses to start.
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    result_expires=3600,  # seconds
    worker_concurrency=2,
    # A page should say at once that there is no Redis, not wait for one.
    task_publish_retry=False,
    result_backend_always_retry=False,
    result_backend_transport_options={"retry_policy": {"max_retries": 0}},
)
