"""Django's settings: a site for development, without a database."""
from django.core.management.utils import get_random_secret_key

# Nothing that outlives the process is signed, so each process has its own key
# and none stands in a file.
SECRET_KEY = get_random_secret_key()
DEBUG = True  # with no ALLOWED_HOSTS: localhost only

# demo comes first: its runserver replaces Django's.
INSTALLED_APPS = ["demo"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "demo.urls"
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
]
DATABASES = {}
USE_TZ = True
TIME_ZONE = "UTC"
