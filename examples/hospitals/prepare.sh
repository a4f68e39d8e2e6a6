#!/usr/bin/env bash
# What five hospitals, a hub and a clinic do before a session, from nothing: rows, key files, identities, the roster,
# the plan with everybody's signature, configurations.
#
#     examples/hospitals/prepare.sh FOLDER
#
# FOLDER then holds one folder per site, the roster, and the issuer's key in the file `issuer`. Every configuration lacks
# the hub's address, which the environment can give: TACIT_NODE_PARTY__ADDRESS, TACIT_NODE_QUERIER__ADDRESS.
# `tacit` is taken from PATH or from the variable TACIT; PLAN and POLICY name other files than plan.toml and policy.toml here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tacit=${TACIT:-tacit}
plan=${PLAN:-$here/plan.toml}
policy=${POLICY:-$here/policy.toml}
cd "$1"
hospitals=(hospital-a hospital-b hospital-c hospital-d hospital-e)
sites=("${hospitals[@]}" clinic hub)

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
echo "$issuer" >issuer
for site in "${sites[@]}"; do
    cp roster.toml "$site"
    cp "$plan" "$site/plan.toml"
    cat >"$site/node.toml" <<CONFIG
identity = "identity.sealed"
roster = "roster.toml"
issuer = "$issuer"
state = "state"
unlock = { key_file = "node.key" }
CONFIG
done
printf '[relay]\nlisten = "127.0.0.1:0"\n' >>hub/node.toml
printf '[querier]\nplan = "plan.toml"\nhub = "hub"\n' >>clinic/node.toml

echo "== every hospital reads the plan and signs it"
"$tacit" plan check "$plan" --no-twin --no-timing >plan.txt
head -2 plan.txt
for site in "${hospitals[@]}"; do
    cp "$policy" "$site/policy.toml"
    "$tacit" plan sign "$site/plan.toml" --roster "$site/roster.toml" --issuer "$issuer" \
        --identity "$site/identity.sealed" --key-file "$site/node.key" \
        --policy "$site/policy.toml" --out "$site/approval.toml"
    cat >>"$site/node.toml" <<CONFIG
[party]
plan = "plan.toml"
approval = "approval.toml"
policy = "policy.toml"
data = "."
hub = "hub"
CONFIG
done
