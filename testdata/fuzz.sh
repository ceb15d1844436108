#!/usr/bin/env bash
# Fuzzes every parser of what comes from outside, one after the other: fuzz.sh TIME [PATTERN]. TIME is each target's, 10m for example;
# PATTERN is a regular expression for names of targets. What is found is written into the testdata/fuzz of its package, as a
# seed for the time after it was mended. It goes on with the others, names those that failed, and fails then.
set -uo pipefail
cd "$(dirname "$0")/.."
each=${1:?"time for each target, 10m for example"} pattern=${2:-.}
count=0 failed=()
while read -r package; do
    while read -r target; do
        count=$((count + 1))
        echo "== $target ($package) for $each"
        go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 5s "$package" </dev/null || failed+=("$target ($package)")
    done < <(go test -list '^Fuzz' "$package" | grep '^Fuzz' | grep -E -e "$pattern")
done < <(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u)
echo "$count targets, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ] && [ $count -gt 0 ] && exit 0
printf 'failed: %s\n' "${failed[@]}" >&2
exit 1
