#!/bin/sh
# Prints events as they happen, one JSON object per line: follow.sh [TYPE] [LAST]
# TYPE: only these, e.g. model.promoted; LAST: begin with so many past ones.
set -eu
. "$(dirname "$0")/common.sh"
curl --silent --show-error --fail --no-buffer --get --header "Authorization: Bearer $HEADWATER_TOKEN" \
  --data-urlencode "type=${1:-}" --data-urlencode "last=${2:-0}" "$api/projects/$project/events" |
  sed -un 's/^data: //p'
