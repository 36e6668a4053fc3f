#!/bin/sh
# The rules of the house that a machine can check: tests/lint.sh LIBEVIO_A
# Prints one line for each breach; the last line is the count. FORMAT=0 leaves the format out.
set -u
LC_ALL=C
export LC_ALL
archive=$1
CC=${CC:-gcc}
found=$(mktemp)
trap 'rm -f "$found"' EXIT

C_LINES_MAX=600
H_LINES_MAX=150
FUNCTION_LINES_MAX=70
PUBLIC_H_LINES_MAX=300 # evio.h: one public header was asked for

sources=$(git ls-files -co --exclude-standard "*.c" 2>/dev/null)
headers=$(git ls-files -co --exclude-standard "*.h" 2>/dev/null)
if [ -z "$sources" ]; then # not a clone
    sources=$(find evio kv cmd tests bench -name '*.c')
    headers=$(find evio kv cmd tests bench -name '*.h')
fi
# What is deleted but not committed yet is still listed.
existing() {
    for f; do [ -f "$f" ] && echo "$f"; done
}
# shellcheck disable=SC2086 # no file of ours has a space in its name
sources=$(existing $sources) headers=$(existing $headers)
report() { # report RULE: every line of the input is a breach of it
    sed "s|^|$1: |" >>"$found"
}
against() { # against PATTERN FOLDER...
    pattern=$1
    shift
    grep -rnE --include='*.[ch]' "#[[:space:]]*include[[:space:]]*[\"<]($pattern)" "$@" 2>/dev/null
}

# Direction: cmd -> kv -> evio, and inside kv: commands -> {engine, types, store, session} -> resp.
against '(\.\./)*(kv|cmd|tests)/' evio | report 'include direction'
against '(\.\./)*(cmd|tests)/' kv | report 'include direction'
against '(\.\./)*kv/(engine|session|commands)/|\.\./(engine|session|commands)/' kv/store kv/types kv/resp kv/base |
    report 'include direction'
against '\.\./' evio kv cmd tests bench | report 'include from the root'
against 'evio/' kv cmd | grep -v '"evio/evio\.h"' | grep -v '"evio/banned\.h"' | report 'evio through its header alone'

nm -g --defined-only "$archive" | awk 'NF == 3 && $3 !~ /^evio_/ { print $3 }' | report 'libevio.a exports'

# shellcheck disable=SC2086
{
    wc -l $sources | awk -v max=$C_LINES_MAX '$2 != "total" && $1 > max { print $2 " has " $1 " lines" }'
    wc -l $headers | awk -v max=$H_LINES_MAX -v public_max=$PUBLIC_H_LINES_MAX '
        $2 == "evio/evio.h" { if ($1 <= public_max) next }
        $2 != "total" && $1 > max { print $2 " has " $1 " lines" }'
    awk -v max=$FUNCTION_LINES_MAX '
        FNR == 1 { start = 0 }
        /^[a-z].*\(/ { name = $0 }
        /^\{/ { start = FNR }
        /^\}/ && start {
            if (FNR - start + 1 > max)
                print FILENAME ":" start " a function of " FNR - start + 1 " lines: " name
            start = 0
        }' $sources
} | report 'size'
# Left over from work: marks, merge conflicts, somebody's home.
# shellcheck disable=SC2086
grep -nE '\b(FIXME|TODO|XXX|HACK)\b|^(<<<<<<<|>>>>>>>) |/(home|root)/|NDEBUG|[[:space:]]+$' $sources $headers | report 'leftover'
# State belongs to its owner; a variable seen from everywhere has none.
# shellcheck disable=SC2086
grep -nE '^extern ' $sources $headers | grep -vE '\(|"C"|^tests/' | report 'extern variable'

# Each header stands alone.
flags='-std=c11 -D_GNU_SOURCE -I. -include evio/banned.h -Wall -Wextra -Wno-unused-function -Werror'
for h in $headers; do
    # shellcheck disable=SC2086
    $CC $flags -fsyntax-only -x c - <<EOF 2>/dev/null || echo "$h" | report 'does not compile alone'
#include "$h"
EOF
done

for script in $(git ls-files -co --exclude-standard "*.sh" .ci/run 2>/dev/null); do
    [ -f "$script" ] || continue
    case $(head -n 1 "$script") in
    *bash) shell=bash ;;
    *) shell="sh" ;;
    esac
    $shell -n "$script" 2>&1 | report 'shell'
done

# Other versions format differently; what is installed elsewhere is not asked.
if [ "${FORMAT:-1}" = 1 ]; then
    case $(clang-format --version) in
    *'version 14.'*)
        for f in $sources $headers; do
            clang-format --style=file -n -Werror "$f" >/dev/null 2>&1 || echo "$f" | report 'clang-format -i'
        done
        ;;
    *) echo 'lint: the format is checked with clang-format 14 only' ;;
    esac
fi

cat "$found"
count=$(wc -l <"$found")
echo "lint: $count found"
[ "$count" -eq 0 ]
