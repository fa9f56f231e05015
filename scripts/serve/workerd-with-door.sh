#!/bin/sh
# Miniflare starts this in place of workerd when there are fronts: it has no option for the address that they come in by.
# A runtime that has crashed leaves its socket behind, and the next one could not listen there.
rm -f "${NEARBY_DOOR#unix:}"
exec "$NEARBY_WORKERD" "$@" "--debug-port=$NEARBY_DOOR"
