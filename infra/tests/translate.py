"""Writes what SAM makes of the template: python translate.py FILE."""

import json
import sys
from pathlib import Path

from model import translated

Path(sys.argv[1]).write_text(json.dumps(translated(), indent=1))
