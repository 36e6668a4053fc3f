#!/bin/sh
# Sees to it that what a task needs is installed: tests/need.sh build|test|bench|lint|fuzz
# Missing Debian packages are installed through apt-get if this user may; else the command to type is
# printed and the status is 1. Looks for the header or the program itself, so that it is content with
# whatever other systems call the package.
set -u

CC=${CC:-gcc}
missing=

header() {
    echo "#include <$1>" | "$CC" -E - >/dev/null 2>&1 || missing="$missing $2"
}
program() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

build() {
    program "$CC" "$(basename "$CC")"
    program ar binutils
    header stdio.h libc6-dev
    header xxhash.h libxxhash-dev
    [ "${JEMALLOC:-1}" = 0 ] || header jemalloc/jemalloc.h libjemalloc-dev
}
redis() {
    program redis-server redis-server
    program redis-cli redis-tools
}

case ${1:-} in
build) build ;;
test)
    build && redis
    header criterion/criterion.h libcriterion-dev
    header hiredis/hiredis.h libhiredis-dev
    ;;
bench) build && redis ;;
lint)
    build
    program clang-format clang-format
    ;;
fuzz)
    build
    program clang clang
    ;;
*)
    echo "usage: $0 build|test|bench|lint|fuzz" >&2
    exit 1
    ;;
esac
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
# shellcheck disable=SC2086 # words on purpose
# The package lists of a fresh machine are empty: then, and only then, they are fetched.
$as_root DEBIAN_FRONTEND=noninteractive $install >/dev/null 2>&1 ||
    { $as_root apt-get update && $as_root DEBIAN_FRONTEND=noninteractive $install; }
