#!/bin/sh
# The N most frequent words of a file: count.sh FILE N
set -eu
tr -s ' ' '\n' < "$1" | sort | uniq -c | sort -k1,1nr -k2 | head -n "$2" | awk '{ print $2, $1 }'
