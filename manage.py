#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # A command is a module, whose name has no hyphens; people write `import-log`.
    command = [word.replace("-", "_") if not word.startswith("-") else word for word in sys.argv[1:2]]
    execute_from_command_line([*sys.argv[:1], *command, *sys.argv[2:]])
