"""The page, and the tasks behind it."""
import functools

import kombu.exceptions
import redis.exceptions
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from .celery import app
from .redis import PORT
from .tasks import add


def needs_redis(view):
    """Answer 503 when the view cannot reach Redis."""

    @functools.wraps(view)
    def wrapped(*args, **kwargs):
        try:
            return view(*args, **kwargs)
        except (kombu.exceptions.OperationalError, redis.exceptions.RedisError) as err:
            message = f"no Redis at port {PORT} ({err}); is the rest of the application running?"
            return JsonResponse({"error": message}, status=503)

    return wrapped


@require_GET
@ensure_csrf_cookie
def page(request):
    """GET /: the page with the form."""
    return render(request, "demo/page.html")


@require_POST
@needs_redis
def send(request):
    """POST /tasks: send "a + b" to the worker, answer the task's id."""
    try:
        a, b = int(request.POST["a"]), int(request.POST["b"])
    except (KeyError, ValueError):
        return JsonResponse({"error": "a and b must be whole numbers"}, status=400)
    task = add.delay(a, b)
    return JsonResponse({"id": task.id, "url": f"/tasks/{task.id}"}, status=202)


@require_GET
@needs_redis
def show(request, task):
    """GET /tasks/ID: the task's state and, once it has one, its result.

    Celery keeps no list of the tasks, so an unknown id is PENDING too.
    """
    result = app.AsyncResult(str(task))
    answer = {"id": result.id, "state": result.state, "result": None}
    if result.successful():
        answer["result"] = result.result
    return JsonResponse(answer)
