#!/usr/bin/env bash
# Runs the pages of docs/functional-encryption and docs/split-inference as a reader would: every ```sh block of a
# page, in order, in a fresh empty folder. Stops at the first command that fails and names its page and line.
#
#     docs/run-pages.sh [--long] [--show] [PAGE.md ...]
#
#     --long     run the blocks marked ```sh long too: full studies, hours
#     --show     print what the commands print, which is otherwise shown only when one fails
#     PAGE.md    these pages only (default: all of these two folders)
#
# `tacit` must be on PATH. Blocks see TACIT_SOURCE, the root of this repository, for the few that build
# something. Other blocks (```text and the like) show output or need data that is not shipped, and are not
# run. Commands that are meant to fail are followed by `|| …` on the page.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export TACIT_SOURCE=$root

long=0
show=0
pages=()
for argument in "$@"; do
    case $argument in
        --long) long=1 ;;
        --show) show=1 ;;
        -h | --help)
            sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        -*)
            echo "run-pages: unknown option $argument; see --help" >&2
            exit 2
            ;;
        *) pages+=("$(realpath "$argument")") ;;
    esac
done
if [ ${#pages[@]} = 0 ]; then
    # 1 to 10, then those without a number.
    mapfile -t pages < <(find "$root/docs/functional-encryption" "$root/docs/split-inference" -name '*.md' | sort -V)
fi
command -v tacit >/dev/null || {
    echo "run-pages: no \`tacit\` on PATH; build it with \`cargo build --release -p tacit\`" >&2
    exit 2
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A script with the page's commands on the page's own line numbers; the first line, a page's title, holds
# the setting-up.
script_of() {
    awk -v long="$long" '
        NR == 1 { print "set -Eeuo pipefail; trap '\''echo \"line $LINENO: exit code $?\" >&3'\'' ERR"; next }
        /^```/ { inside = !inside && (/^```sh$/ || (long && /^```sh long$/)); shown = inside; print ""; next }
        { print inside ? $0 : "" }
    ' "$1"
}

started=$SECONDS
for page in "${pages[@]}"; do
    name=${page#"$root/"}
    script_of "$page" >"$folder/page.sh"
    if ! grep -q . <(sed 1d "$folder/page.sh"); then
        echo "$name: no commands"
        continue
    fi
    at=$SECONDS
    mkdir "$folder/work"
    if (cd "$folder/work" && bash "$folder/page.sh" >"$folder/log" 2>&1 3>"$folder/line" </dev/null); then
        [ $show = 0 ] || cat "$folder/log"
        echo "$name: $((SECONDS - at)) s"
    else
        echo "$name: FAILED at $(head -n 1 "$folder/line" | grep . || echo 'a line that bash names below')" >&2
        tail -n 30 "$folder/log" >&2
        exit 1
    fi
    rm -rf "$folder/work"
done
echo "pages: $((SECONDS - started)) s"
