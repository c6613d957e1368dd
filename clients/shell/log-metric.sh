#!/bin/sh
# Logs a point of a metric to a run: log-metric.sh RUN KEY VALUE [STEP]
set -eu
. "$(dirname "$0")/common.sh"
run="${1:?usage: log-metric.sh RUN KEY VALUE [STEP]}"
point="{\"key\": \"${2:?no KEY}\", \"value\": ${3:?no VALUE}, \"step\": ${4:-0}, \"timestampMs\": $(date +%s)000}"
# The same batch id would be stored once, however often it is sent.
batch="sh-$$-$(date +%s)"
request POST "/tracking/runs/$run/batch" "{\"batchId\": \"$batch\", \"metrics\": [$point]}"
echo
