#!/bin/sh
# Publishes an event of your own: publish.sh NAME [JSON]
set -eu
. "$(dirname "$0")/common.sh"
name="${1:?usage: publish.sh NAME [JSON]}"
data="${2:-}"
request POST "/projects/$project/events" "{\"name\": \"$name\", \"data\": ${data:-{\}}}"
echo
