#!/bin/sh
# Lists runs as JSON, newest first: runs.sh [FLOW]
set -eu
. "$(dirname "$0")/common.sh"
request GET "/projects/$project/runs?flow=${1:-}"
echo
