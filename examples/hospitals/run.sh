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
"$here/prepare.sh" "$folder"
cd "$folder"
issuer=$(<issuer)
hospitals=(hospital-a hospital-b hospital-c hospital-d hospital-e)
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT

echo "== the hub listens, everyone else dials out"
coproc hub { exec "$tacit" node run --config hub/node.toml 2>hub/node.log; }
pids+=("$hub_PID")
read -r listening <&"${hub[0]}"
address=${listening#listening on }
export TACIT_NODE_PARTY__ADDRESS=$address
for site in "${hospitals[@]}"; do
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
if ! TACIT_NODE_QUERIER__ADDRESS=$address env -u TACIT_NODE_PARTY__ADDRESS \
    "$tacit" query --config clinic/node.toml --input clinic/patients.csv --out clinic/answers.csv \
    --patience "${PATIENCE:-600}" --require 'accuracy>=0.7'; then
    tail -n 3 ./*/node.log
    exit 1
fi
"$tacit" session status --config hospital-b/node.toml

echo "== the logs of all hospitals agree"
"$tacit" log verify "${hospitals[@]/%//state/releases.jsonl}" --roster roster.toml --issuer "$issuer" \
    --require 'log.differences<=0' --require 'log.sites>=5'
echo "== so do their journals: one share per site and round, and nobody said two things"
"$tacit" log audit hospital-?/state/*/{training,answer-*}.log --plan hub/plan.toml --roster roster.toml --issuer "$issuer" \
    --require 'journals.contradictions<=0' --require 'journals.second_shares<=0'
echo "done: $folder"
