#!/usr/bin/env bash
# Every page of the book is in its summary, and every relative link in the repository's Markdown
# leads to a file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bad=0
complain() {
    echo "docs: $*" >&2
    bad=1
}

while read -r page; do
    [ "$page" = docs/SUMMARY.md ] && continue
    grep -qF "(${page#docs/})" docs/SUMMARY.md || complain "$page is not in docs/SUMMARY.md"
done < <(git ls-files 'docs/*.md')

while read -r file; do
    # [text](target), without web addresses and in-page anchors.
    while read -r target; do
        target=${target%%#*}
        [ -z "$target" ] || [ -e "$(dirname "$file")/$target" ] || complain "$file links to $target, which does not exist"
    done < <(sed '/^```/,/^```/d' "$file" | grep -oP '\]\(\K[^)\s]+' | grep -vP '^(https?:|mailto:|#)' || true)
done < <(git ls-files '*.md')

[ $bad = 0 ] && echo "docs: summary and links hold"
exit $bad
