#!/usr/bin/env bash
# Makes .venv and everything that `make run` (profile "run") or `make test` (profile "test") needs.
#
# On Debian and Ubuntu, as root or with passwordless sudo, system packages that are missing come through apt. Anywhere
# else it says what is missing and what that costs, and goes on with what can be had. Running it again is quick: a stamp
# under .setup/ remembers what was installed for which pyproject.toml and which Python.
set -euo pipefail

profile=${1:-run}
case $profile in
    run) extras=() ;;
    test) extras=(dev) ;;
    *) echo "usage: scripts/setup.sh run|test" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=.venv
stamps=.setup
log=$stamps/apt.log
mkdir -p "$stamps"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- is there anything to do? -----------------------------------------------------------------------------------------

command -v "$python" >/dev/null || die "no $python: install Python 3.11 or newer (on Debian: apt install python3)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$("$python" --version) is too old: set PYTHON to a Python 3.11 or newer, as in: make run PYTHON=python3.12"

key=$({ "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; pwd; cat pyproject.toml scripts/setup.sh; } | sha256sum | cut -c1-16)
installed() { [ -e "$stamps/$1-$key" ] && [ -x "$venv/bin/mediaserver" ] && "$venv/bin/python" -c '' 2>/dev/null; }
if installed "$profile" || { [ "$profile" = run ] && installed test; }; then exit 0; fi

# --- system packages --------------------------------------------------------------------------------------------------

as_root=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root=no; fi
fi
can_apt() { command -v apt-get >/dev/null && [ "$as_root" != no ]; }

apt_quiet() {
    # shellcheck disable=SC2086  # as_root is empty or two words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
        -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

apt_updated=
apt_install() { # package… -> 0 when they are installed
    can_apt || return 1
    say "apt-get install $*"
    if [ -z "$apt_updated" ]; then apt_quiet update || say "apt-get update failed, trying the lists at hand ($log)"; apt_updated=yes; fi
    apt_quiet install --no-install-recommends "$@" || { say "apt-get install $* failed, see $log"; return 1; }
}

why_no_apt() {
    if ! command -v apt-get >/dev/null; then echo "this system has no apt-get"; else echo "not root, and sudo wants a password"; fi
}

venv_possible() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }
compiler_present() {
    command -v cc >/dev/null &&
        "$python" -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())'
}
chromium_present() { command -v chromium || command -v chromium-browser || command -v google-chrome || [ -n "$(playwright_chromium)" ]; }
playwright_chromium() { find "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}" -maxdepth 1 -name 'chromium*' 2>/dev/null | head -n 1; }

if ! venv_possible; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "python$version-venv" || apt_install python3-venv ||
        die "$python cannot make virtual environments ($(can_apt && echo "apt failed" || why_no_apt)): install python$version-venv, then try again"
fi

# The offline voice (ttspico) comes as source: without a compiler the eSpeak NG voice takes its place.
voice=local
if ! compiler_present && ! { apt_install build-essential python3-dev && compiler_present; }; then
    voice=espeak
    say "no C compiler with Python headers ($(can_apt && echo "apt failed" || why_no_apt)): the offline voice will be eSpeak NG, which sounds rougher"
    say "for the better voice: install build-essential and python3-dev, remove $stamps, and try again"
fi

# --- the virtual environment ------------------------------------------------------------------------------------------

version_of() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }
if [ "$(version_of "$venv/bin/python")" != "$(version_of "$python")" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

install() { # extras… -> pip's verdict
    local names
    names=$(IFS=,; echo "$*")
    say "pip install -e .[$names] (a minute or two the first time)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[$names]"
}

if ! install "$voice" "${extras[@]}"; then
    [ "$voice" = local ] || die "pip could not install the packages, see above"
    say "the offline voice could not be built, see above: trying with eSpeak NG instead"
    voice=espeak
    install "$voice" "${extras[@]}" || die "pip could not install the packages, see above"
fi

# --- what only the tests need -----------------------------------------------------------------------------------------

if [ "$profile" = test ]; then
    if ! chromium_present >/dev/null; then
        apt_install chromium fonts-dejavu-core || { say "trying Playwright's own Chromium"; "$venv/bin/playwright" install chromium >>"$log" 2>&1; } ||
            say "no Chromium: the tests marked 'browser' will be skipped, saying so"
    fi
    command -v npm >/dev/null || apt_install nodejs npm || say "no npm: the test of OpenAI's browser SDK will be skipped, saying so"
    command -v ffprobe >/dev/null || apt_install ffmpeg || say "no ffprobe: it does not look at the files of speech that we make, the tests say so"
    command -v redis-server >/dev/null || apt_install redis-server || say "no redis-server: the tests of the shared cache will be skipped, saying so"
    command -v espeak-ng >/dev/null || apt_install espeak-ng || say "no espeak-ng: test speech comes from the offline voice instead"
fi

rm -f "$stamps"/run-* "$stamps"/test-*
date >"$stamps/$profile-$key"
say "ready (offline voice: $([ $voice = local ] && echo "SVOX Pico" || echo "eSpeak NG"))"
