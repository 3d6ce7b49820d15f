"""``python -m nbinspect``: the command."""

import sys

from nbinspect.command import main

sys.exit(main())
