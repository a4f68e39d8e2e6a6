#!/usr/bin/env bash
# Fuzzes every decoder for a bounded time, coverage-guided, on the stable toolchain.
#
#     fuzz/run.sh [SECONDS_PER_TARGET] [TARGET...]
#
# With TACIT_FUZZ_FEATURES=networks also networks in files, whose tensor library builds for minutes.
#
# libFuzzer comes with the crate libfuzzer-sys (it needs a C++ compiler); the instrumentation is
# LLVM's own pass, switched on through stable code-generation options. A finding is written to
# fuzz/artifacts/ and the run fails. Corpora grow in fuzz/corpus/ from the valid encodings that
# the targets themselves write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-20}
shift $(($# > 0 ? 1 : 0))

target_dir=${CARGO_TARGET_DIR:-$PWD/target}
triple=$(rustc -vV | sed -n 's/^host: //p')
pass="-Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    pass+=" -Cllvm-args=-sanitizer-coverage-$option"
done

# The decoders are built at the versions of the main lock file.
cp ../Cargo.lock Cargo.lock
# With --target the flags reach the decoders and not the build scripts.
RUSTFLAGS="$pass --cfg fuzzing" CARGO_TARGET_DIR=$target_dir \
    cargo build --release --target "$triple" --features "${TACIT_FUZZ_FEATURES:-}"
fuzzer=$target_dir/$triple/release/decoders

names=$(TACIT_FUZZ_SEEDS=corpus "$fuzzer") # writes the seeds, prints the targets
mkdir -p artifacts
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets <<<"$names"

# fuzz TARGET: fuzzes one decoder; what it found, if anything, and how far it came.
fuzz() {
    local target=$1 log
    log=$(mktemp)
    if ! TACIT_FUZZ_TARGET=$target "$fuzzer" "corpus/$target" \
        -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="artifacts/$target-" -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "fuzz: $target FAILED; the input is in fuzz/artifacts/" >&2
        return 1
    fi
    echo "fuzz: $target, $seconds s, $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d' ' -f2) edges"
    grep -E 'number_of_executed_units|new_units_added' "$log" | sed "s/^/fuzz: $target /"
    rm -f "$log"
}
export -f fuzz
export fuzzer seconds

# A target is one thread: as many at a time as there are processors.
printf '%s\0' "${targets[@]}" |
    xargs -0 -n 1 -P "$(getconf _NPROCESSORS_ONLN)" bash -euo pipefail -c 'fuzz "$1"' fuzz
echo "fuzz: ${#targets[@]} targets, no finding"
