# Sourced by the scripts beside it: where the server is, and a curl that fails with the server's own words.
: "${HEADWATER_URL:?is not set. Fix: eval \"\$(headwater env)\"}"
: "${HEADWATER_TOKEN:?is not set. Fix: eval \"\$(headwater env)\"}"
api="$HEADWATER_URL/api/v1"
project="${HEADWATER_PROJECT:-default}"

# request METHOD PATH [BODY]
request() {
  curl --silent --show-error --fail-with-body --request "$1" --header "Authorization: Bearer $HEADWATER_TOKEN" \
    --header "Content-Type: application/json" ${3+--data "$3"} "$api$2"
}
