#!/usr/bin/env bash
# From the functions with #[approximate] to their hardware: profile, train, measure, generate, simulate.
#
#   ./demo.sh              on generated inputs
#   ./demo.sh INPUT.csv    on inputs of your own: four fifths for the profile, the last fifth to measure
#
# Writes profile/, emulators/ and hardware/. EMEURO names the program `emeuro`, if it is neither in PATH nor in the checkout.
set -euo pipefail

input=()
if [ $# -gt 0 ]; then
    if [ ! -f "$1" ]; then
        echo "error: $1: expected a file of inputs" >&2
        exit 2
    fi
    input=(--input "$(realpath "$1")")
fi
cd "$(dirname "$0")"

checkout=$(sed -n 's|^emeuro-regions = { path = "\(.*\)/regions" }|\1|p' Cargo.toml)
emeuro=${EMEURO-}
if [ -z "$emeuro" ]; then
    emeuro=$(command -v emeuro) || emeuro=$checkout/target/release/emeuro
fi
if ! "$emeuro" --version > /dev/null; then
    echo "error: no program emeuro: expected EMEURO=PROGRAM, or emeuro in PATH, or $emeuro" >&2
    echo "       (cargo build --release --manifest-path $checkout/Cargo.toml makes it)" >&2
    exit 2
fi

times=()
# NAME WHAT: says what the step does, does it, and keeps the time.
step() {
    echo
    echo "== $1: $2"
    local begun=$SECONDS
    "$1"
    times+=("$1 $((SECONDS - begun)) s")
}

build() { cargo build --release; }

profile() { EMEURO_MODE=profile EMEURO_PROFILE=profile cargo run --release --quiet -- "${input[@]}"; }

train() {
    "$emeuro" train profile profile --out emulators || {
        local status=$?
        [ $status != 1 ] || echo "error: no emulator as good as asked for: what is above says why" >&2
        exit $status
    }
    # Its settings name the emulators of the regions that were chosen.
    mapfile -t emulators < <(sed -n 's|^ *emulator: |emulators/|p' emulators/regions.settings.yaml)
    if [ ${#emulators[@]} = 0 ]; then
        echo "error: no region was found worth an emulator: the table above says why" >&2
        exit 1
    fi
}

measure() {
    EMEURO_EMULATORS=emulators cargo run --release --quiet -- --compare "${input[@]}" | tee hardware/measured.txt
}

generate() {
    for emulator in "${emulators[@]}"; do
        "$emeuro" generate "$emulator" --out "hardware/$(basename "$emulator" .yaml)"
    done | tee hardware/generated.txt
}

# Simulates all units, even if one of them fails.
simulate() {
    for emulator in "${emulators[@]}"; do
        "$emeuro" cosim "$emulator" --rtl "hardware/$(basename "$emulator" .yaml)" 2>&1 || simulated=false
    done > hardware/simulated.txt
    cat hardware/simulated.txt
}
simulated=true

# What an earlier run has left is replaced step by step; what anybody else has put there stays.
mkdir -p hardware

step build "the program, optimised; the first time with all that it depends on, which takes a minute or a few"
step profile "runs it, and records inputs, outputs and time of every call"
step train "chooses the functions that are worth it, finds a small network for each, and rounds it to integers"
step measure "calls the functions for inputs that are new, exactly and emulated"
step generate "writes the Verilog of every emulator"
step simulate "runs it in Verilator, where every word and every clock must be as predicted; compiles it first"

echo
echo "== summary"
cat hardware/measured.txt hardware/generated.txt
grep -e '^All words' -e '^FAILED' -e '^error:' hardware/simulated.txt
printf '%s, ' "${times[@]}" | sed 's/, $/\n/'
if ! $simulated; then
    echo "error: the co-simulation has not passed" >&2
    exit 1
fi
