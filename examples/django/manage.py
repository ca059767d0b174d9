#!/usr/bin/env python
"""Django's command line for the site in the folder demo."""
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")
execute_from_command_line(sys.argv)
