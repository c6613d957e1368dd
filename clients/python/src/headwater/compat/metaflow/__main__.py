"""`python -m headwater.compat.metaflow flow.py run …`."""

import sys

from headwater.compat.metaflow.run import run_file

if len(sys.argv) < 2:
    sys.exit("usage: python -m headwater.compat.metaflow FLOW.py COMMAND …")
run_file(sys.argv[1], sys.argv[2:])
