#!/usr/bin/env bash
# Measures evio-kv beside redis-server and the floor (floor.c), in one run, in alternating rounds.
#     bench/run.sh BUILD_DIR [option...]
#   --rounds N           of each measurement; the median counts (5)
#   --only WORD,...      parts to run, of: one loops memory instructions (one,loops,memory)
#   --extra NAME=COMMAND one more server to measure, {port} in COMMAND stands for its port
#   --keys N             keys loaded first (1000000)
#   --value-bytes N      (64)
#   --markdown           print the tables as in README.md
#   --out FILE           where the raw figures go, one measurement a line
# BENCH_QUICK=1: few and short rounds, for a first look.
#
# What counts is the server's CPU time per request: it holds also where the generator is the limit. It
# is read from the threads' schedstat before and after each run of redis-benchmark.
set -u -o pipefail
export LC_ALL=C

build=$(cd "$1" && pwd) || exit 1
shift
quick=${BENCH_QUICK:-0}
rounds=5 keys=1000000 value_bytes=64 connections=50 only=one,loops,memory markdown=0 scale=1
out=""
extra=()
[ "$quick" = 0 ] || rounds=2 scale=4
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 && shift ;;
    --only) only=$2 && shift ;;
    --extra) extra+=("$2") && shift ;;
    --keys) keys=$2 && shift ;;
    --value-bytes) value_bytes=$2 && shift ;;
    --markdown) markdown=1 ;;
    --out) out=$2 && shift ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 1 ;;
    esac
    shift
done

dir=$(mktemp -d)
out=${out:-$dir/raw}
: >"$out" || exit 1
declare -A port_of pid_of
servers=()
next_port=$((20000 + $$ % 400 * 20))

stop_servers() {
    local name
    for name in "${!pid_of[@]}"; do
        kill "${pid_of[$name]}" 2>/dev/null
    done
    wait 2>/dev/null
    pid_of=() port_of=() servers=()
}
trap 'stop_servers; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

die() {
    echo "bench: $*" >&2
    exit 1
}

# The CPUs this process may use: the first is the server's, the second the generator's.
cpus=()
for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
    for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do cpus+=("$cpu"); done
done
if [ "${#cpus[@]}" -lt 2 ]; then
    echo "bench: one CPU for server and generator: the requests/s say little" >&2
    cpus+=("${cpus[0]}")
fi

# start NAME CPUS COMMAND...: {port} in the arguments is replaced.
start() {
    local name=$1 on=$2 port=$next_port
    shift 2
    next_port=$((next_port + 2)) # floor uses two
    (cd "$dir" && exec taskset -c "$on" "${@//\{port\}/$port}") >"$dir/$name.log" 2>&1 &
    pid_of[$name]=$! port_of[$name]=$port
    servers+=("$name")
    local i
    for ((i = 0; i < 200; i++)); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        kill -0 "${pid_of[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/$name.log" >&2
    die "$name does not start"
}
start_redis() { start redis-server "$1" redis-server --port '{port}' --save '' --appendonly no; }
start_kv() { start "$2" "$1" "$build/evio-kv" --port '{port}' --loops "$3"; }
start_extra() {
    local e
    for e in "${extra[@]}"; do
        # shellcheck disable=SC2086 # a command of several words
        start "${e%%=*}" "$1" ${e#*=}
    done
}

load() { # load PREFIX COUNT VALUE_BYTES, into each server that stores
    local name
    for name in "${servers[@]}"; do
        [ "$name" = floor ] && continue
        [ "$1" = counter: ] && is_extra "$name" && continue # may know no INCR
        timeout 60 taskset -c "${cpus[1]}" "$build/bench/load" "${port_of[$name]}" "$1" "$2" "$3" ||
            die "$name was not loaded"
    done
}
is_extra() {
    local e
    for e in "${extra[@]}"; do [ "${e%%=*}" = "$1" ] && return 0; done
    return 1
}

cpu_ns() {
    if [ -r "/proc/$1/schedstat" ]; then
        cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s }'
    else # in ticks of 10 ms
        sed 's/.*) //' "/proc/$1/stat" | awk '{ printf "%.0f\n", ($12 + $13) * 1e7 }'
    fi
}

requests_of() { # requests_of COMMAND DEPTH: about a second each
    local n
    case $2 in
    1) n=100000 ;;
    16) n=800000 ;;
    *) n=1600000 ;;
    esac
    [ "$1" = MSET ] && n=$((n * 8 / (16 + $2)))
    echo $((n / scale))
}

generate() { # generate NAME COMMAND DEPTH REQUESTS: prints requests/s
    local port=${port_of[$1]} pin=$generator_cpus
    local args=(--csv -h 127.0.0.1 -c "$connections" -n "$4" -P "$3" -r "$keys" -d "$value_bytes")
    [ "$1" = floor ] && [ "$2" = GET ] && port=$((port + 1))
    case $2 in
    PING) args+=(-t ping_mbulk) ;;
    INCR) args+=(INCR counter:__rand_int__) ;;
    *) args+=(-t "${2,,}") ;;
    esac
    timeout 60 taskset -c "$pin" redis-benchmark -p "$port" "${args[@]}" 2>/dev/null |
        awk -F'","' 'NR > 1 && $2 > 0 { printf "%.0f\n", $2; exit }'
}

measure() { # measure PART NAME COMMAND DEPTH ROUND
    local n before rps after
    n=$(requests_of "$3" "$4")
    before=$(cpu_ns "${pid_of[$2]}")
    rps=$(generate "$2" "$3" "$4" "$n")
    after=$(cpu_ns "${pid_of[$2]}")
    if [ -n "$rps" ]; then
        echo "$1 $2 $3 $4 $5 $(((after - before) / n)) $rps" >>"$out"
    else
        echo "bench: $2 does not answer $3" >&2
    fi
}

measure_all() { # measure_all PART COMMAND:DEPTH...
    local part=$1 round test name
    shift
    for ((round = 1; round <= rounds; round++)); do
        [ -t 2 ] && printf '\r%s, round %d of %d ' "$part" "$round" "$rounds" >&2
        for test; do
            for name in "${servers[@]}"; do
                measure "$part" "$name" "${test%:*}" "${test#*:}" "$round"
            done
        done
    done
    [ -t 2 ] && printf '\r%40s\r' '' >&2
}

# table PART BASE: medians of CPU time per request, its ratio to server BASE's, and requests/s.
table() {
    sort -s -k1,4 -k6,6n "$out" | awk -v part="$1" -v base="$2" -v md="$markdown" -v names="${servers[*]}" '
        function cell(s, w) { line = line (md ? " " s " |" : sprintf(" %" w "s", s)) }
        function flush_line() { print (md ? "|" : "") line; line = "" }
        function median(list, k,    v, m, i, j, t) {
            m = split(list[k], v, " ")
            for (i = 2; i <= m; i++)
                for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
            return m % 2 ? v[(m + 1) / 2] : (v[m / 2] + v[m / 2 + 1]) / 2
        }
        $1 == part {
            cpu[$2, $3, $4] = cpu[$2, $3, $4] " " $6
            rps[$2, $3, $4] = rps[$2, $3, $4] " " $7
        }
        END {
            n = split(names, name, " ")
            cell("command", -8); cell("depth", 5)
            for (i = 1; i <= n; i++) { cell(name[i] " ns", 17); if (name[i] != base) cell("ratio", 6) }
            for (i = 1; i <= n; i++) cell(name[i] " req/s", 20)
            flush_line()
            if (md) { for (i = 1; i <= 3 * n + 1; i++) line = line (i == 1 ? " --- |" : " ---: |"); flush_line() }
            c = split("PING SET GET INCR MSET", command, " ")
            d = split("1 16 64", depth, " ")
            for (k = 1; k <= c; k++) for (j = 1; j <= d; j++) {
                id = command[k] SUBSEP depth[j]
                if (!((base SUBSEP id) in cpu)) continue
                b = median(cpu, base SUBSEP id)
                cell(command[k], -8); cell(depth[j], 5)
                for (i = 1; i <= n; i++) {
                    known = (name[i] SUBSEP id) in cpu
                    v = known ? median(cpu, name[i] SUBSEP id) : 0
                    cell(known ? sprintf("%d", v) : "-", 17)
                    if (name[i] != base) cell(known ? sprintf("%.2f", v / b) : "-", 6)
                }
                for (i = 1; i <= n; i++)
                    cell((name[i] SUBSEP id) in rps ? sprintf("%d", median(rps, name[i] SUBSEP id)) : "-", 20)
                flush_line()
            }
        }'
}

title() {
    if [ "$markdown" = 1 ]; then printf '\n%s\n\n' "$1"; else printf '\n%s\n' "$1"; fi
}
part() { case ,$only, in *,"$1",*) return 0 ;; *) return 1 ;; esac }

load_all() {
    load key: "$keys" "$value_bytes"
    load counter: "$keys" 0
}

run_one() {
    generator_cpus=${cpus[1]}
    start_redis "${cpus[0]}"
    start_kv "${cpus[0]}" evio-kv 1
    start floor "${cpus[0]}" "$build/bench/floor" '{port}' "$value_bytes"
    start_extra "${cpus[0]}"
    load_all
    measure_all one {PING,SET,GET,INCR,MSET}:{1,16,64}
    title "One loop: server on one CPU, generator on the other; ratio of CPU time to redis-server's"
    table one redis-server
    stop_servers
}

run_loops() {
    generator_cpus=${cpus[0]},${cpus[1]}
    start_kv "$generator_cpus" loops-1 1
    start_kv "$generator_cpus" loops-2 2
    start_kv "$generator_cpus" loops-4 4
    start_redis "$generator_cpus"
    start_extra "$generator_cpus"
    load_all
    measure_all loops {SET,GET}:{1,16,64} {PING,INCR,MSET}:16
    title "Several loops: both CPUs shared by server and generator; ratio of CPU time to --loops 1"
    table loops loops-1
    stop_servers
}

rss_bytes() {
    awk -v page="$(getconf PAGESIZE)" '{ printf "%.0f\n", $2 * page }' "/proc/$1/statm"
}

run_memory() {
    local size name
    declare -A before figure
    for size in 16 64; do
        start_redis "${cpus[0]}"
        start_kv "${cpus[0]}" evio-kv 1
        for name in "${servers[@]}"; do before[$name]=$(rss_bytes "${pid_of[$name]}"); done
        load key: "$keys" "$size" # 16 bytes: "key:" and 12 digits
        sleep 2                   # what is done in the background after loading
        for name in "${servers[@]}"; do
            figure[$size,$name]=$((($(rss_bytes "${pid_of[$name]}") - before[$name]) / keys))
            echo "memory $name $size ${figure[$size,$name]}" >>"$out"
        done
        stop_servers
    done
    title "Bytes of RSS per key, $keys keys of 16 bytes"
    local row='%-12s %14s %14s %8s\n'
    if [ "$markdown" = 1 ]; then row='| %s | %s | %s | %s |\n'; fi
    # shellcheck disable=SC2059
    {
        printf "$row" 'value bytes' redis-server evio-kv ratio
        [ "$markdown" = 1 ] && printf "$row" '---:' '---:' '---:' '---:'
        for size in 16 64; do
            printf "$row" "$size" "${figure[$size,redis-server]}" "${figure[$size,evio-kv]}" \
                "$(awk -v a="${figure[$size,evio-kv]}" -v b="${figure[$size,redis-server]}" 'BEGIN { printf "%.2f", a / b }')"
        done
    }
}

# Instructions per request by callgrind: what a run with twice the requests takes more.
run_instructions() {
    command -v valgrind >/dev/null || die "instructions are counted with valgrind"
    generator_cpus=${cpus[1]}
    local keys=50000 n=20000 name test pass count row='%-8s %5s %14s %14s %8s\n'
    declare -A total
    for test in PING:1 {SET,GET}:{1,16,64}; do
        for name in redis-server evio-kv; do
            for pass in 1 2; do
                if [ "$name" = redis-server ]; then
                    start "$name" "${cpus[0]}" valgrind --tool=callgrind --callgrind-out-file=/dev/null \
                        redis-server --port '{port}' --save '' --appendonly no
                else
                    start "$name" "${cpus[0]}" valgrind --tool=callgrind --callgrind-out-file=/dev/null \
                        "$build/evio-kv" --port '{port}' --loops 1
                fi
                load key: "$keys" "$value_bytes"
                generate "$name" "${test%:*}" "${test#*:}" $((n * pass)) >/dev/null
                stop_servers
                total[$name,$pass]=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$dir/$name.log")
            done
            count=$(((total[$name,2] - total[$name,1]) / n))
            total[$name,$test]=$count
            echo "instructions $name ${test/:/ } $count" >>"$out"
        done
    done
    title "Instructions per request (callgrind, user space)"
    [ "$markdown" = 1 ] && row='| %s | %s | %s | %s | %s |\n'
    # shellcheck disable=SC2059
    {
        printf "$row" command depth redis-server evio-kv ratio
        [ "$markdown" = 1 ] && printf "$row" --- '---:' '---:' '---:' '---:'
        for test in PING:1 {SET,GET}:{1,16,64}; do
            printf "$row" "${test%:*}" "${test#*:}" "${total[redis-server,$test]}" "${total[evio-kv,$test]}" \
                "$(awk -v a="${total[evio-kv,$test]}" -v b="${total[redis-server,$test]}" 'BEGIN { printf "%.2f", a / b }')"
        done
    }
}

part one && run_one
part loops && run_loops
part memory && run_memory
part instructions && run_instructions
exit 0
