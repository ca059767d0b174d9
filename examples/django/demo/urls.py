"""The addresses of the site."""
from django.urls import path

from . import views

urlpatterns = [
    path("", views.page),
    path("tasks", views.send),
    path("tasks/<uuid:task>", views.show),
]
