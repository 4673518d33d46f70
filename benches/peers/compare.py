"""Latency of quantised networks: ONNX Runtime (int8, QDQ) against the golden model, with 16-bit words and with 8-bit words.

Both compute bytes or words from bytes or words that lie ready, on one thread. They take turns: in every round, ONNX Runtime and
then `emeuro bench`. Printed are medians over rounds, and medians of the ratios within rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import qdq

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = [*sorted((ROOT / "tests/networks").glob("*.yaml")), ROOT / "apps/emulators/rope.yaml", ROOT / "apps/emulators/newton.yaml"]
BATCH = 256
# Frames on which the answers are compared.
CHECKED = 256
# NRMSE up to which 8-bit activations may differ from 16-bit ones.
TOLERANCE = 0.05


class Peer:
    """A model in ONNX Runtime with inputs and outputs bound once."""

    def __init__(self, model, inputs, outputs):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(inputs))
        self.output = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(outputs, np.uint8))
        self.binding = self.session.io_binding()
        self.binding.bind_ortvalue_input(self.session.get_inputs()[0].name, self.input)
        self.binding.bind_ortvalue_output(self.session.get_outputs()[0].name, self.output)

    def run(self):
        self.session.run_with_iobinding(self.binding)
        return self.output.numpy()

    def nanoseconds(self, seconds):
        """Median time of a call, over turns that are short against the time slices of a busy machine."""
        run, binding, clock = self.session.run_with_iobinding, self.binding, time.perf_counter_ns
        calls, turns = 1, []
        end = clock() + seconds * 1e9
        while True:
            start = clock()
            for _ in range(calls):
                run(binding)
            elapsed = clock() - start
            if elapsed < 1e5 and not turns:
                calls *= 2
                continue
            turns.append(elapsed / calls)
            if clock() > end and len(turns) >= 50:
                return statistics.median(turns)


def golden_outputs(emeuro, path, network, raw):
    """Output values of the golden model for raw input words of 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npy")
        np.save(source, raw * 2.0 ** -network.input_fracs.astype(float))
        subprocess.run([emeuro, "run", path, "--input", source, "--output", target], check=True, stdout=subprocess.DEVNULL)
        return np.load(target)


def difference(emeuro, path, network, rng):
    """NRMSE of ONNX Runtime's answers against the golden model's, on inputs that both can express."""
    # Not the whole range, so that neither saturates.
    inputs = rng.integers(-100, 101, (CHECKED, network.inputs))
    peer = Peer(network.model(CHECKED), (inputs + 128).astype(np.uint8), (CHECKED, network.outputs))
    scale = network.output_scale
    found = (peer.run().astype(float) - scale.zero) * scale.step
    # A port may have another binary point than the vector behind it.
    found = found * 2.0 ** (network.output_format_frac - network.output_fracs.astype(float))
    truth = golden_outputs(emeuro, path, network, inputs * 2 ** (network.input_bits - 8))
    return float(np.sqrt(np.mean((found - truth) ** 2)) / np.std(truth))


def bench(emeuro, paths, seconds):
    command = [emeuro, "bench", *map(str, paths), "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(rows):
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    line = lambda row: "| " + " | ".join(cell.ljust(w) if c == 0 else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths))) + " |"
    rule = "| " + " | ".join("-" * w if c == 0 else "-" * (w - 1) + ":" for c, w in enumerate(widths)) + " |"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])


def nanoseconds(ns):
    return f"{ns:.0f} ns" if ns < 1e3 else f"{ns / 1e3:.2f} µs" if ns < 1e4 else f"{ns / 1e3:.1f} µs"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", type=Path, default=NETWORKS, help="emulator files of dense layers")
    parser.add_argument("--emeuro", default=str(ROOT / "target/release/emeuro"), help="the program")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a turn per network")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if not os.access(arguments.emeuro, os.X_OK):
        parser.error(f"{arguments.emeuro}: no such program; build it with cargo build --release")
    rng = np.random.default_rng(1)
    folder = tempfile.TemporaryDirectory()
    peers, results, narrow = {}, {}, {}
    for index, path in enumerate(arguments.networks):
        try:
            network = qdq.load(path)
        except (OSError, KeyError, TypeError, qdq.Unsupported) as error:
            parser.error(f"{path}: {error}")
        error = difference(arguments.emeuro, path, network, rng)
        if error > TOLERANCE:
            sys.exit(f"{path}: the answers differ by {100 * error:.1f} %, more than 8-bit activations explain")
        peers[path] = [
            Peer(network.model(frames), rng.integers(0, 256, (frames, network.inputs), np.uint8), (frames, network.outputs))
            for frames in (1, BATCH)
        ]
        narrow[path] = os.path.join(folder.name, f"{index}.yaml")
        Path(narrow[path]).write_text(qdq.with_bytes(path), encoding="utf-8")
        results[path] = {"network": network.name, "macs": network.macs, "difference": error, "rounds": []}
    nothing = Peer(qdq.identity(), np.zeros((1, 1), np.uint8), (1, 1))
    floors, machine = [], {}
    for _ in range(arguments.rounds):
        floors.append(nothing.nanoseconds(arguments.seconds))
        for path in arguments.networks:
            one, batch = (peer.nanoseconds(arguments.seconds / 2) for peer in peers[path])
            machine = bench(arguments.emeuro, [path], arguments.seconds)
            app = machine.pop("apps")[0]
            int8 = bench(arguments.emeuro, [narrow[path]], arguments.seconds)["apps"][0]
            plain = [app.get(key, {}).get("median") for key in ("plain_f32_ns", "plain_f32_batch_ns")]
            results[path]["rounds"].append({
                "onnxruntime_ns": one, "golden_ns": app["emulated_words_ns"]["median"],
                "golden_int8_ns": int8["emulated_words_ns"]["median"], "plain_f32_ns": plain[0],
                "onnxruntime_batch_ns": batch / BATCH, "golden_batch_ns": app["emulated_batch_words_ns"]["median"],
                "golden_int8_batch_ns": int8["emulated_batch_words_ns"]["median"], "plain_f32_batch_ns": plain[1],
            })
    floor = statistics.median(floors)
    networks = []
    for result in results.values():
        rounds = result.pop("rounds")
        median = lambda f: None if any(f(r) is None for r in rounds) else statistics.median(map(f, rounds))
        result.update({key: median(lambda r: r[key]) for key in rounds[0]})
        result["speedup"] = median(lambda r: r["onnxruntime_ns"] / r["golden_ns"])
        result["speedup_without_call"] = median(lambda r: (r["onnxruntime_ns"] - floor) / r["golden_ns"])
        result["speedup_int8"] = median(lambda r: r["onnxruntime_ns"] / r["golden_int8_ns"])
        result["speedup_batch"] = median(lambda r: r["onnxruntime_batch_ns"] / r["golden_batch_ns"])
        result["speedup_int8_batch"] = median(lambda r: r["onnxruntime_batch_ns"] / r["golden_int8_batch_ns"])
        networks.append(result)
    if arguments.json:
        versions = {"onnxruntime": onnxruntime.__version__, "call_ns": floor, "batch": BATCH}
        print(json.dumps({**machine, **versions, "networks": networks}, indent=2))
        return
    print(f"{machine['processor']}; golden model with {machine['isa']}; ONNX Runtime {onnxruntime.__version__}; one thread")
    print(f"A call of ONNX Runtime from Python takes {nanoseconds(floor)} before anything is computed.\n")
    rows = [["network", "MACs", "difference"]]
    rows += [[r["network"], str(r["macs"]), f"{100 * r['difference']:.2f} %"] for r in networks]
    print(table(rows), end="\n\n")
    time_of = lambda ns: "–" if ns is None else nanoseconds(ns)
    for batch, suffix, title in ((1, "", "One frame per call"), (BATCH, "_batch", f"{BATCH} frames per call, time per frame")):
        print(f"{title}:\n")
        rows = [["network", "f32", "ORT int8", "w8a16", "w8a8", "ORT / w8a16", "ORT / w8a8"]]
        rows[0] += ["without call"] if batch == 1 else []
        for r in networks:
            ratios = [r[f"speedup{suffix}"], r[f"speedup_int8{suffix}"]] + ([r["speedup_without_call"]] if batch == 1 else [])
            rows.append([
                r["network"],
                *(time_of(r[f"{name}{suffix}_ns"]) for name in ("plain_f32", "onnxruntime", "golden", "golden_int8")),
                *(f"{ratio:.0f}×" if ratio >= 9.95 else f"{ratio:.2f}×" for ratio in ratios),
            ])
        print(table(rows), end="\n\n")
    print("w8a16, w8a8: golden model with 16-bit and 8-bit words. Difference: NRMSE of ONNX Runtime against w8a16.")


if __name__ == "__main__":
    main()
