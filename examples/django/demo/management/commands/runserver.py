"""runserver with its defaults from the environment."""
import os

from django.core.management.commands import runserver


class Command(runserver.Command):
    """Django's runserver; WEB_PORT is its default port.

    WEB_RELOAD=no turns the autoreloader off, as --noreload does.
    """

    default_port = os.environ.get("WEB_PORT", runserver.Command.default_port)

    def add_arguments(self, parser):
        super().add_arguments(parser)
        if os.environ.get("WEB_RELOAD") == "no":
            parser.set_defaults(use_reloader=False)
