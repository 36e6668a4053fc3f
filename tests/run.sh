#!/bin/sh
# Runs test binaries, two at a time, and sums up what they say.
#     tests/run.sh BUILD_DIR BINARY...
# A binary's own output goes to BUILD_DIR/log/NAME.log and is shown if it failed. The last line is
# `N passed, N failed` or `N passed, N failed, N skipped`; the status is that of the sum.
#
# A binary counts as one failure when it crashes, runs out of time or ends without Criterion's
# summary; as skipped when it ends with status 77; those in fuzz/ count as one test each, the replay
# of their corpus.
#
# What was found about Criterion 2.4.1 and the sanitizers: with AddressSanitizer and
# UndefinedBehaviorSanitizer it works as it is, but a worker's leak is printed and then forgotten (the worker has
# reported its result before it exits), and so is what a server under test reports. So all
# processes write their reports to files (log_path), and any such file fails the binary. With
# ThreadSanitizer libcriterion does not run at all: see tests/tsan_runner.c.
set -u

TIME_LIMIT_S=${TEST_TIME_LIMIT_S:-300}
JOBS=${TEST_JOBS:-2}

# One line of result: STATUS TESTS_PASSED TESTS_FAILED TESTS_SKIPPED NAME
run_one() {
    log_dir=$1 binary=$2
    name=$(echo "${binary#"${log_dir%/log}/tests/"}" | tr / .)
    log=$log_dir/$name.log
    reports="log_path=$REPORT_DIR/$name"
    export ASAN_OPTIONS="$reports:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="$reports:print_stacktrace=1"
    export TSAN_OPTIONS="$reports:second_deadlock_stack=1"
    case $name in
    fuzz.*) set -- "tests/fuzz/corpus/${name#fuzz.fuzz_}" ;;
    *) set -- --verbose -j1 ;;
    esac
    start=$(date +%s)
    timeout -k 5 "$TIME_LIMIT_S" "$binary" "$@" >"$log" 2>&1 </dev/null
    status=$?
    took=$(($(date +%s) - start))
    for report in "$REPORT_DIR/$name".*; do
        [ -f "$report" ] && cat "$report" >>"$log" && status=report
    done

    # "[====] Synthesis: Tested: 3 | Passing: 2 | Failing: 1 | Crashing: 0": failing contains crashing.
    sums=$(sed -n 's/.*Synthesis: Tested: [0-9]* | Passing: \([0-9]*\) | Failing: \([0-9]*\) .*/\1 \2/p' "$log" | tail -n 1)
    skipped=$(grep -ac '^\[SKIP\]' "$log")
    passed=${sums% *} failed=${sums#* }
    why=
    case $name:$status in
    *:77) passed=0 failed=0 skipped=1 ;;
    fuzz.*:0) passed=1 failed=0 ;;
    *:124 | *:137) why="no end after $TIME_LIMIT_S s" ;;
    *:report) why="sanitizer report" ;;
    *:0) [ -n "$sums" ] || why="no summary" ;;
    *) [ "${failed:-0}" -gt 0 ] || why="status $status" ;;
    esac
    if [ -n "$why" ]; then
        passed=${passed:-0} failed=$((${failed:-0} + 1))
    fi
    verdict=ok
    [ "$failed" -eq 0 ] || verdict=FAILED
    echo "$verdict $passed $failed $skipped $name" >"$log_dir/$name.result"
    printf '%-6s %4d passed %3d failed %3d s  %s%s\n' "$verdict" "$passed" "$failed" "$took" "$name" "${why:+ ($why)}"
}

if [ "$1" = --one ]; then
    run_one "$2" "$3"
    exit 0
fi

given=$1
build_dir=$(cd "$given" && pwd) || exit 1
shift
log_dir=$build_dir/log
mkdir -p "$log_dir"
rm -f "$log_dir"/*.result
# Not below the build folder: the options of the sanitizers know no quoting.
REPORT_DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$REPORT_DIR"' EXIT
export EVIO_BIN_DIR="$build_dir" REPORT_DIR

for binary; do
    echo "$build_dir/${binary#"$given"/}"
done | xargs -r -P "$JOBS" -n 1 sh "$0" --one "$log_dir"

for result in "$log_dir"/*.result; do
    [ -f "$result" ] || continue
    case $(cat "$result") in
    FAILED*)
        printf '\n==== %s\n' "${result%.result}.log"
        grep -av -e '^\[RUN \]' -e '^\[PASS\]' "${result%.result}.log" | tail -n 200
        ;;
    esac
done
echo
cat "$log_dir"/*.result 2>/dev/null | awk -v expected=$# '
    { passed += $2; failed += $3; skipped += $4 }
    END {
        # A binary of which nothing is known has failed too.
        if (NR < expected) failed += expected - NR
        printf "%d passed, %d failed", passed, failed
        if (skipped) printf ", %d skipped", skipped
        printf "\n"
        exit failed > 0 || passed == 0
    }'
