#!/usr/bin/env bash
# Five hospitals, a hub and a clinic as processes on this machine, from nothing: identities, roster, signed plan,
# preflight, training under encryption with two failures, an encrypted query, logs verified, stopped.
#
#     examples/hospitals/run.sh [FOLDER]
#
# FOLDER (default: a new temporary one) then holds one folder per site. `tacit` is taken from PATH or from the
# variable TACIT. Between real sites the same commands are given, each at its own site; only requests, roster and plan
# travel.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tacit=${TACIT:-tacit}
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
cd "$folder"
hospitals=(hospital-a hospital-b hospital-c hospital-d hospital-e)
sites=("${hospitals[@]}" clinic hub)
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT

echo "== every site: rows, a key file, an identity"
for site in "${sites[@]}"; do
    mkdir -p "$site"
    (umask 077 && head -c 32 /dev/urandom >"$site/node.key")
    role=party
    case $site in clinic) role=querier ;; hub) role=hub ;; esac
    "$tacit" -q identity new --name "$site" --role "$role" --out "$site" --key-file "$site/node.key"
done
# 700 rows are dealt to the hospitals, the last 68 are patients of the clinic.
rows=$here/../../data/pima-diabetes.csv
for k in 0 1 2 3 4; do
    awk -v k="$k" 'NR == 1 || (NR <= 701 && NR % 5 == k)' "$rows" >"${hospitals[$k]}/patients.csv"
done
awk 'NR == 1 || NR > 701' "$rows" >clinic/patients.csv

echo "== requests are collected, fingerprints compared, the roster issued"
requests=("${sites[@]/%//request.toml}")
"$tacit" roster collect "${requests[@]}"
issued=$("$tacit" roster issue --identity hospital-a/identity.sealed --key-file hospital-a/node.key \
    --serial 1 --out roster.toml "${requests[@]}")
issuer=$(sed -n "s/^issuer's key: //p" <<<"$issued")
for site in "${sites[@]}"; do
    cp roster.toml "$here/plan.toml" "$site"
    cat >"$site/node.toml" <<CONFIG
identity = "identity.sealed"
roster = "roster.toml"
issuer = "$issuer"
state = "state"
unlock = { key_file = "node.key" }
CONFIG
done

echo "== every hospital reads the plan and signs it"
"$tacit" plan check "$here/plan.toml" --no-twin --no-timing >plan.txt
head -2 plan.txt
for site in "${hospitals[@]}"; do
    cp "$here/policy.toml" "$site"
    "$tacit" plan sign "$site/plan.toml" --roster "$site/roster.toml" --issuer "$issuer" \
        --identity "$site/identity.sealed" --key-file "$site/node.key" \
        --policy "$site/policy.toml" --out "$site/approval.toml"
done

echo "== the hub listens, everyone else dials out"
printf '[relay]\nlisten = "127.0.0.1:0"\n' >>hub/node.toml
coproc hub { exec "$tacit" node run --config hub/node.toml 2>hub/node.log; }
pids+=("$hub_PID")
read -r listening <&"${hub[0]}"
address=${listening#listening on }
for site in "${hospitals[@]}"; do
    cat >>"$site/node.toml" <<CONFIG
[party]
plan = "plan.toml"
approval = "approval.toml"
policy = "policy.toml"
data = "."
hub = "hub"
address = "$address"
CONFIG
    "$tacit" node preflight --config "$site/node.toml" >"$site/preflight.txt" || {
        cat "$site/preflight.txt"
        exit 1
    }
done
cat hospital-e/preflight.txt

echo "== the hospitals train"
declare -A node
start() {
    # Here before anybody follows it.
    touch "$1/node.log"
    "$tacit" node run --config "$1/node.toml" >>"$1/node.log" 2>&1 &
    node[$1]=$!
    pids+=($!)
}
for site in "${hospitals[@]}"; do start "$site"; done
for site in hospital-c hospital-a; do
    grep -q -m 1 train/refresh <(tail -f -n +1 "$site/node.log")
    kill -9 "${node[$site]}"
    wait "${node[$site]}" 2>/dev/null || true
    echo "the machine of $site failed; its node starts again and goes on"
    start "$site"
done

echo "== the clinic asks, and waits until the model is there"
printf '[querier]\nplan = "plan.toml"\nhub = "hub"\naddress = "%s"\n' "$address" >>clinic/node.toml
if ! "$tacit" query --config clinic/node.toml --input clinic/patients.csv --out clinic/answers.csv \
    --patience "${PATIENCE:-600}" --require 'accuracy>=0.7'; then
    tail -n 3 ./*/node.log
    exit 1
fi
"$tacit" session status --config hospital-b/node.toml

echo "== the logs of all hospitals agree"
"$tacit" log verify "${hospitals[@]/%//state/releases.jsonl}" --roster roster.toml --issuer "$issuer" \
    --require 'log.differences<=0' --require 'log.sites>=5'
echo "done: $folder"
