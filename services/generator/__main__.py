"""`python -m services.generator`: the service alone, as its container runs it."""

from functools import partial

from services.common.server import serve
from services.common.settings import load_or_exit
from services.generator.app import build
from services.generator.settings import Settings

if __name__ == "__main__":
    settings = load_or_exit(Settings)
    serve(settings, partial(build, settings))
