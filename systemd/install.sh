#!/bin/sh
# Puts the edge agent on this device, upgrades it in place, takes it away again.
#
# Every release is a virtual environment of its own below /opt/edge-agent/releases, and
# /opt/edge-agent/current says which one runs. A release is complete and on the disk before that
# link is switched, so a failed download or a power cut in the middle leaves the agent as it was.
# A new release that does not become ready is switched back. Its journal is not: where a release
# has changed the schema, the former one says so and waits for the newer.
set -eu
umask 022

READY_WITHIN_S=180 # longer than any start but that of a journal in need of salvage

usage() {
    cat <<'USAGE'
usage: install.sh [--wheels DIR] [--lock FILE] [--config FILE] [--python PYTHON] [--root DIR] [SOURCE]
       install.sh --uninstall [--purge] [--root DIR]

SOURCE          a wheel, an sdist or a source tree of edge-agent; default: the tree of this script
--wheels DIR    take every package from DIR and use no network; for a source tree or sdist DIR
                holds setuptools too (make one: pip download -d DIR -r requirements-device.lock)
--lock FILE     versions and hashes of the packages; default: requirements-device.lock of SOURCE,
                else of the tree of this script
--config FILE   the configuration of a new device, which is started with it. Default: an example
                to edit before the start. A configuration that is there already is never touched
--python PYTHON default: python3; 3.11 or newer
--uninstall     remove everything but configuration and journal
--purge         with --uninstall: those too, and the user. Scans that are not delivered are gone
--root DIR      put everything below DIR and leave users and services alone, to look at the result.
                The command in SYSTEMCTL, if it is set, is called in place of systemctl
USAGE
}

say() { echo "edge-agent: $*"; }
fail() {
    echo "edge-agent: $*" >&2
    exit 1
}

# Everything so far outlives a power cut; below --root there is none to outlive
on_disk() { [ -n "$root" ] || sync; }

# -- where things are --------------------------------------------------------------------------

places() {
    opt=$(readlink -m "$root/opt/edge-agent")
    releases=$opt/releases
    etc=$root/etc/edge-agent
    var=$root/var/lib/edge-agent
    lib=$root/usr/local/lib
    shortcut=$root/usr/local/bin/edge-agent
    if [ -n "$root" ]; then systemctl=${SYSTEMCTL:-:}; else systemctl=${SYSTEMCTL:-systemctl}; fi
}

# The files beside this script and where the system looks for them
system_files() {
    cat <<FILES
edge-agent.service $lib/systemd/system/edge-agent.service
edge-agent@.service $lib/systemd/system/edge-agent@.service
70-edge-agent.rules $lib/udev/rules.d/70-edge-agent.rules
sysusers.d/edge-agent.conf $lib/sysusers.d/edge-agent.conf
tmpfiles.d/edge-agent.conf $lib/tmpfiles.d/edge-agent.conf
FILES
}

# -- a release ---------------------------------------------------------------------------------

# Sets $wheel, or $tree with what a wheel is built from, and $lock
find_source() {
    wheel='' tree=''
    case $source in
    *.whl) wheel=$source ;;
    *.tar.gz)
        mkdir "$work/sdist"
        tar -xzf "$source" -C "$work/sdist" --strip-components=1
        tree=$work/sdist
        ;;
    *) tree=$source ;;
    esac
    if [ -n "$wheel" ]; then
        [ -f "$wheel" ] || fail "$wheel: no such wheel"
    else
        [ -f "$tree/pyproject.toml" ] || fail "$source: neither wheel nor sdist nor source tree"
    fi
    if [ -z "$lock" ]; then
        for lock in "$tree/requirements-device.lock" "$here/../requirements-device.lock" ''; do
            [ -f "$lock" ] && break
        done
    fi
    [ -f "$lock" ] || fail "no requirements-device.lock; say where it is: --lock FILE"
}

# A build leaves files in the tree that it builds: it gets its own copy of what goes into a wheel
copy_tree() {
    mkdir "$work/tree"
    for part in pyproject.toml README.md LICENSE edge_agent drivers; do
        cp -r "$tree/$part" "$work/tree/"
    done
    find "$work/tree" -name __pycache__ -prune -exec rm -rf {} +
}

# Sets $first, the configuration of a new device; empty where the device has one
find_configuration() {
    first=''
    if [ -d "$etc" ] && [ -n "$(find "$etc" -maxdepth 1 -name '*.toml')" ]; then return; fi
    for first in "$config" "${tree:-$here/..}/config/scanner-station.toml" \
        "$here/../config/scanner-station.toml"; do
        if [ -f "$first" ]; then return; fi
        [ -z "$config" ] || fail "$config: no such file"
    done
    fail "there is no example to begin with; give a configuration: --config FILE"
}

# What makes two releases the same: the agent's files, the packages, the Python. Sets $release
name_release() {
    if [ -n "$wheel" ]; then
        version=$(basename "$wheel" | cut -d - -f 2)
        content=$(sha256sum <"$wheel")
    else
        copy_tree
        version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/pyproject.toml")
        content=$(cd "$work/tree" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum)
    fi
    system=$(cd "$here" && system_files | while read -r file _; do sha256sum "$file"; done)
    packages=$(sha256sum <"$lock")
    interpreter=$("$python" -VV)
    mark=$(echo "$content $system $packages $interpreter" | sha256sum | cut -c 1-10)
    release=$releases/$version-$mark
}

# pip works from outside: a release holds what the agent needs to run, and no installer
make_pip() {
    "$python" -I -m venv "$work/pip" ||
        fail "Python cannot make a virtual environment; on Debian: apt-get install python3-venv"
}

pip() { # COMMAND ARGUMENTS...
    "$work/pip/bin/python" -I -m pip --quiet --disable-pip-version-check --no-input "$@"
}

pip_install() { # PYTHON ARGUMENTS...
    into=$1
    shift
    if [ -n "$wheels" ]; then set -- --no-index --find-links "$wheels" "$@"; fi
    pip --python "$into" install --only-binary :all: "$@"
}

build_wheel() {
    say "building $version"
    # the build back end is held to its hash by the tree's own lock, where there is one
    if [ -f "$tree/requirements.lock" ]; then
        awk '/^setuptools==/ { on = 1 } on { print } on && !/\\$/ { exit }' \
            "$tree/requirements.lock" >"$work/build.lock"
        pip_install "$work/pip/bin/python" --require-hashes -r "$work/build.lock"
    else
        pip_install "$work/pip/bin/python" 'setuptools>=77'
    fi
    pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$work/wheel" "$work/tree"
    wheel=$(echo "$work"/wheel/edge_agent-*.whl)
}

make_release() {
    if [ -e "$release/complete" ]; then
        say "release $(basename "$release") is here already"
        return
    fi
    make_pip
    if [ -z "$wheel" ]; then build_wheel; fi
    say "making release $(basename "$release")"
    rm -rf "$release"
    mkdir -p "$releases"
    unfinished=$release
    "$python" -I -m venv --without-pip "$release"
    pip_install "$release/bin/python" --require-hashes -r "$lock"
    pip_install "$release/bin/python" --no-deps --no-index "$wheel"
    mkdir -p "$release/share/edge-agent"
    system_files | while read -r file _; do
        install -D -m 0644 "$here/$file" "$release/share/edge-agent/$file"
    done
    "$release/bin/python" -I -c 'import edge_agent.cli' || fail "$version does not run here"
    on_disk
    : >"$release/complete"
    on_disk
    unfinished=''
}

# -- onto the system ---------------------------------------------------------------------------

switch_to() { # RELEASE
    system_files | while read -r file target; do
        install -D -m 0644 "$1/share/edge-agent/$file" "$target"
    done
    mkdir -p "$(dirname "$shortcut")"
    ln -sfn "$opt/current/bin/edge-agent" "$shortcut"
    ln -sfn "releases/$(basename "$1")" "$opt/current.new"
    mv -T "$opt/current.new" "$opt/current"
    "$systemctl" daemon-reload
}

make_user_and_folders() {
    if [ -n "$root" ]; then
        mkdir -p "$etc/secrets" "$var"
        return
    fi
    systemd-sysusers "$lib/sysusers.d/edge-agent.conf"
    systemd-tmpfiles --create "$lib/tmpfiles.d/edge-agent.conf"
}

make_configuration() {
    if [ -z "$first" ]; then return; fi
    cp "$first" "$etc/agent.toml.new"
    if [ -z "$root" ]; then chgrp edge-agent "$etc/agent.toml.new"; fi
    chmod 0640 "$etc/agent.toml.new"
    mv "$etc/agent.toml.new" "$etc/agent.toml"
    if [ -n "$config" ]; then first_start=yes; else example=yes; fi
}

name_ports() {
    if [ -n "$root" ] || ! command -v udevadm >/dev/null; then return; fi
    udevadm control --reload
    udevadm trigger --subsystem-match=tty --action=change
}

# The agents that were meant to run when we came: stopped ones stay stopped
running() {
    "$systemctl" list-units --plain --no-legend --all --full \
        --state=active,reloading,activating,failed 'edge-agent.service' 'edge-agent@*.service' |
        cut -d ' ' -f 1
}

start_all() { # UNITS...
    # waits for READY=1 of each, or for the first failure
    [ $# = 0 ] || timeout "$READY_WITHIN_S" "$systemctl" restart "$@"
}

upgrade() {
    former=$(readlink -f "$opt/current" || :)
    [ -d "$former" ] || former=''
    units=$(running)
    switch_to "$release"
    make_user_and_folders
    make_configuration
    name_ports
    # an example with somebody's names must not speak to a broker: it waits to be edited
    if [ -n "$first_start$example" ]; then "$systemctl" enable --quiet edge-agent.service; fi
    if [ -n "$first_start" ]; then units=edge-agent.service; fi
    on_disk
    if [ "$former" = "$release" ] && [ -z "$first_start$example" ]; then
        say "nothing has changed, nothing is restarted"
        return
    fi
    # shellcheck disable=SC2086 # unit names, one word each
    if start_all $units; then
        tell_result
        forget_old_releases
        return
    fi
    if [ -z "$former" ] || [ "$former" = "$release" ]; then
        fail "installed, but not ready; why: journalctl -b -u 'edge-agent*'"
    fi
    say "not ready after the upgrade; going back to $(basename "$former")"
    switch_to "$former"
    # shellcheck disable=SC2086
    start_all $units || say "that one is not ready either; why: journalctl -b -u 'edge-agent*'"
    fail "$(basename "$release") was not kept; why: journalctl -b -u 'edge-agent*'"
}

tell_result() {
    if [ -n "$units" ]; then say "$(basename "$release") is ready: $(echo "$units" | tr '\n' ' ')"
    else say "$(basename "$release") is installed; no agent was running, none was started"; fi
    if [ -n "$example" ]; then
        say "$etc/agent.toml is an example; make it this device's own, then:"
        say "edge-agent check $etc/agent.toml && systemctl start edge-agent"
    fi
}

# What runs and what ran before stay; older releases and torn ones go
forget_old_releases() {
    for old in "$releases"/*/; do
        old=${old%/}
        [ "$old" = "$release" ] || [ "$old" = "$former" ] || rm -rf "$old"
    done
}

uninstall() {
    units=$(running)
    # shellcheck disable=SC2086 # unit names, one word each
    if [ -n "$units" ]; then "$systemctl" stop $units; fi
    if [ -e "$lib/systemd/system/edge-agent.service" ]; then
        "$systemctl" disable --quiet edge-agent.service edge-agent@.service
    fi
    system_files | while read -r _ target; do rm -f "$target"; done
    rm -rf "$opt" "$shortcut"
    if [ -n "$purge" ]; then rm -rf "$root"/etc/systemd/system/edge-agent*.service.d; fi
    "$systemctl" daemon-reload
    name_ports
    if [ -n "$purge" ]; then
        rm -rf "$etc" "$var"
        if [ -z "$root" ] && id edge-agent >/dev/null 2>&1; then userdel edge-agent; fi
        say "removed, with configuration and journal"
    else
        say "removed; configuration and journal are still in $etc and $var"
    fi
}

# -- beginning ---------------------------------------------------------------------------------

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root='' source='' wheels='' lock='' config='' python=python3 purge='' task=install
first_start='' example='' unfinished='' former='' units=''

need() { [ $# -gt 1 ] || fail "$1 needs a value; install.sh --help"; }
while [ $# -gt 0 ]; do
    case $1 in
    --wheels | --lock | --config | --python | --root)
        need "$@"
        eval "${1#--}=\$2"
        shift
        ;;
    --uninstall) task=uninstall ;;
    --purge) purge=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "$1: unknown; install.sh --help" ;;
    *)
        [ -z "$source" ] || fail "one SOURCE at a time; install.sh --help"
        source=$1
        ;;
    esac
    shift
done
[ -z "$purge" ] || [ "$task" = uninstall ] || fail "--purge goes with --uninstall"
[ -z "$root" ] || root=$(mkdir -p "$root" && cd "$root" && pwd -P)
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "this needs root: sudo $0"
places

if [ "$task" = uninstall ]; then
    uninstall
    exit
fi
source=${source:-$(dirname "$here")}
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "this needs Python 3.11 or newer; say which one: --python python3.12"
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "$unfinished" ] || rm -rf "$unfinished"' EXIT
trap 'exit 130' INT HUP TERM
find_source
find_configuration
name_release
mkdir -p "$opt"
exec 9>"$opt/lock"
flock -n 9 || fail "another install.sh is at work"
make_release
upgrade
