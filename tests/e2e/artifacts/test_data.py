"""Data of flows on the whole platform: the S3 tool, artifacts on the command line."""

import sys
from pathlib import Path

from headwater import S3, Run

FLOWS = Path(__file__).parent / "flows"


def run(platform, file, *arguments):
    ident = platform.home / "run-id"
    platform.run(sys.executable, FLOWS / file, "run", "--run-id-file", ident, *arguments)
    return ident.read_text()


def test_s3_of_a_run_needs_no_credentials(connected, tmp_path):
    found = Run(f"S3Flow/{run(connected, 's3_flow.py')}")
    data = found.data
    assert sorted(data.found) == sorted(["big", "notes/one.txt", *(f"many/{number}" for number in range(20))])
    assert (data.text, data.again, data.size) == ("one", "one", 20 << 20)
    with S3(run=found, tmproot=str(tmp_path)) as s3:
        note = s3.get("notes/one.txt")
        assert (note.text, note.metadata, note.url) == ("one", {"by": "start"}, data.url)
        assert len(s3.get_recursive(["many/"])) == 20
