#!/bin/sh
# Tests a gate, by hand or as the forced command of a technician's SSH key; nothing but the words below is ever run.
#
#   scripts/selftest.sh                   the whole test of the alarm chain
#   scripts/selftest.sh status            or another of the words below
#
# In authorized_keys, on one line (sshd(8)); the technician then types "ssh gate", "ssh gate doctor" and so on:
#
#   restrict,pty,command="/opt/gatepost/current/scripts/selftest.sh" ssh-ed25519 AAAA... li
#
# Words: selftest, "selftest path", "selftest human", "selftest status", "selftest links", status, doctor, queue, tail,
# wiring, "ledger verify"; each may be followed by --json, and by "--language zh" or "--language en".
# Exit code: that of the command (0 only for PASS, 1 FAIL, 2 not proved), 10 for any other word.
set -uf

if [ -n "${SSH_ORIGINAL_COMMAND+given}" ]; then asked=$SSH_ORIGINAL_COMMAND; else asked=$*; fi

refuse() {
    echo "gatepost: '$(printf %s "$asked" | tr -cd '[:print:]' | cut -c 1-60)' is not allowed here; allowed:" \
        "selftest [path|human|status|links], status, doctor, queue, tail, wiring, ledger verify" \
        "[--json] [--language zh|en]" >&2
    exit 10
}

words=$asked
json=
language=
while :; do
    case $words in
    *" --json") json=--json words=${words%" --json"} ;;
    *" --language zh") language=zh words=${words%" --language zh"} ;;
    *" --language en") language=en words=${words%" --language en"} ;;
    *) break ;;
    esac
done

case $words in
"" | selftest) set -- selftest run --full ;;
"selftest path") set -- selftest run --path ;;
"selftest human") set -- selftest run --human ;;
"selftest status") set -- selftest status ;;
"selftest links") set -- selftest links ;;
status) set -- status ;;
doctor) set -- doctor ;;
queue) set -- queue ;;
tail) set -- tail ;;
wiring) set -- wiring ;;
"ledger verify") set -- ledger verify ;;
*) refuse ;;
esac
[ -z "$json" ] || set -- "$@" --json
case $language in # as the terminal would say it, for every command alike
zh) unset LC_ALL && export LC_MESSAGES=zh_CN.UTF-8 ;;
en) unset LC_ALL && export LC_MESSAGES=C ;;
esac

here=$(dirname "$(readlink -f "$0")")
for program in "$here/../bin/gatepost" "$here/../.venv/bin/gatepost"; do
    [ ! -x "$program" ] || exec "$program" "$@"
done
exec gatepost "$@"
