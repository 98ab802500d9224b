#!/bin/sh
# Fails (exit 5) if a scenario is surely worse than the committed baseline by more than 5 %, or misses an objective.
# usage: check-change.sh SCENARIO BASELINE [REPORT_FOLDER]
# To accept a change: surgesim compare SCENARIO --save-baseline BASELINE, and commit the file.
set -eu
exec "${SURGESIM:-surgesim}" compare "$1" --baseline-file "$2" --tolerance 5% \
    --fail-on regression,objectives --format "${FORMAT:-markdown}" --quiet -o "${3:-outputs/ci}"
