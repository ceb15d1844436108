#!/usr/bin/env bash
# Installs what `make test` needs beside Go and is missing: the C compiler for SQLite, libraries that are built in where they are
# there, and the real SIP clients, sound tools and voices that tests use. It needs Debian and root; without, it names what is missing, and the tests that need it are
# skipped. In CI that is a failure.
set -euo pipefail

missing=()
need() { # PROGRAM PACKAGE...
    command -v "$1" >/dev/null || missing+=("${@:2}")
}
need gcc gcc libc6-dev
need ip iproute2
need openssl openssl
need sipp sip-tester
need baresip baresip-core
need fail2ban-regex fail2ban
need linphonec linphone-cli
need sox sox
need xmllint libxml2-utils
need espeak-ng espeak-ng
need chromium chromium fonts-dejavu-core
# Libraries that the Makefile builds in where they are there.
need pkg-config pkg-config
for library in speexdsp opus; do
    pkg-config --exists "$library" 2>/dev/null || missing+=("lib$library-dev")
done
need /usr/sbin/kamailio kamailio
# For make faults only; there is none but for PCs.
[ "${1:-}" != faults ] || need linux.uml user-mode-linux
# Voices made for Asterisk.
for voice in en ru; do
    compgen -G "/usr/share/asterisk/sounds/${voice}_*/conf-getpin.wav" >/dev/null || missing+=("asterisk-core-sounds-$voice-wav")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Tests start the proxy themselves; as a service it would take port 5060 of this machine. Fail2ban would ban.
    case " ${missing[*]} " in *" kamailio "*) ! command -v systemctl >/dev/null || systemctl mask kamailio ;; esac
    case " ${missing[*]} " in *" fail2ban "*) ! command -v systemctl >/dev/null || systemctl mask fail2ban ;; esac
    if apt-get -q update </dev/null &&
        apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}" </dev/null; then
        exit 0
    fi
fi
echo "missing: ${missing[*]} (on Debian, as root: apt-get install ${missing[*]})" >&2
if [ -n "${CI:-}" ]; then
    exit 1
fi
echo "tests that need them are skipped" >&2
