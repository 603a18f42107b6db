#!/bin/sh
# Tests a gate, by hand or as the forced command of a technician's SSH key; only the words of "gatepost forced" are run.
#
#   scripts/selftest.sh            the whole test of the alarm chain
#   scripts/selftest.sh doctor     or another of the words: gatepost forced --help
#
# Exit code: that of the command (0 only for PASS, 1 FAIL, 2 not proved), 10 for any other word.
set -euf

program=$(dirname "$(readlink -f "$0")")/../.venv/bin/gatepost
[ -x "$program" ] || program=gatepost
exec "$program" forced "$@"
