#!/bin/sh
# Sees to it that what a task needs is installed: tests/need.sh TASK..., of build, test, bench, lint and fuzz.
# Missing Debian packages are installed through apt-get if this user may; else the command to type is
# printed and the status is 1. Looks for the header or the program itself, so that it is content with
# whatever other systems call the package.
set -u

CC=${CC:-gcc}
missing=

miss() {
    case " $missing " in
    *" $1 "*) ;;
    *) missing="$missing $1" ;;
    esac
}
header() { # header FILE PACKAGE
    [ -f "/usr/include/$1" ] || echo "#include <$1>" | "$CC" -E - >/dev/null 2>&1 || miss "$2"
}
program() { # program NAME PACKAGE
    command -v "$1" >/dev/null 2>&1 || miss "$2"
}

need_build() {
    program "$CC" "$(basename "$CC")"
    header stdio.h libc6-dev
    header xxhash.h libxxhash-dev
    [ "${JEMALLOC:-1}" = 0 ] || header jemalloc/jemalloc.h libjemalloc-dev
}
need_redis() {
    program redis-server redis-server
    program redis-benchmark redis-tools
}
need_clang() {
    program clang clang
    # Its sanitizers and libFuzzer are a package of their own.
    if command -v clang >/dev/null 2>&1; then
        [ -f "$(clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a" ] || miss libclang-rt-dev
    else
        miss libclang-rt-dev
    fi
}

for task; do
    need_build
    case $task in
    build) ;;
    test)
        need_redis
        header criterion/criterion.h libcriterion-dev
        header hiredis/hiredis.h libhiredis-dev
        ;;
    bench) need_redis ;;
    lint) program clang-format clang-format ;;
    fuzz) need_clang ;;
    *)
        echo "$0: no task $task" >&2
        exit 1
        ;;
    esac
done
# shellcheck disable=SC2086 # one word a package
set -- $missing
[ $# -gt 0 ] || exit 0

install="apt-get install -y --no-install-recommends $*"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing here, by the names of Debian's packages: $*" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root="env"
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    echo "Some packages are missing. Type this, then make again:" >&2
    echo "    sudo $install" >&2
    exit 1
fi
echo "Installing $*"
as_root="$as_root DEBIAN_FRONTEND=noninteractive"
# The package lists of a fresh machine are empty: they are fetched when it does not work without.
# shellcheck disable=SC2086 # words on purpose
$as_root $install >/dev/null 2>&1 || { $as_root apt-get update && $as_root $install; }
