"""Runs the cocotb bench on a unit: generates it, exports vectors, builds and simulates.

The unit comes from `emeuro generate`, or stands in a folder already (--rtl). The vectors come from `emeuro vectors`.
Exit code 0: every test passed; 1: a test failed; 2: something that is needed is missing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def missing(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("emulator", nargs="?", default="newton", help="an application or an emulator file")
    parser.add_argument("--rtl", type=Path, help="a generated folder to simulate as it stands")
    parser.add_argument("--unit", type=Path, help="the unit file (YAML) of the unit to generate")
    parser.add_argument("--vectors", type=Path, help="a folder of vectors to play instead of new ones")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7, help="of frames, gaps and pauses")
    parser.add_argument("--sim", default="icarus", help="icarus or verilator, or what else cocotb knows")
    parser.add_argument("--build", type=Path, default=Path("cocotb-build"), help="folder for everything that is made")
    parser.add_argument("--emeuro", default=os.environ.get("EMEURO"), help="the emeuro program")
    return parser.parse_args()


def emeuro_program(given):
    """The program that was named, the one of this checkout, or the one in PATH."""
    built = ROOT / "target" / "release" / "emeuro"
    program = given or (str(built) if built.exists() else shutil.which("emeuro"))
    if program is None:
        missing("emeuro not found: run `cargo build --release`, or say --emeuro PROGRAM")
    return program


def call(*command):
    try:
        status = subprocess.run([str(part) for part in command], check=False).returncode
    except FileNotFoundError:
        missing(f"{command[0]}: no such program")
    if status != 0:
        missing(f"{' '.join(map(str, command))}: exit code {status}")


def main():
    args = arguments()
    try:
        from cocotb_tools.runner import get_results, get_runner
        import cocotbext.axi  # noqa: F401
    except ImportError as error:
        missing(f"{error}: run `pip install -r {HERE / 'requirements.txt'}`")
    if args.sim == "icarus" and shutil.which("iverilog") is None:
        missing("iverilog not found: install it, for example `apt-get install iverilog`")

    build = args.build.resolve()
    build.mkdir(parents=True, exist_ok=True)
    rtl, vectors = args.rtl, args.vectors
    if rtl is None or vectors is None:
        emeuro = emeuro_program(args.emeuro)
    if rtl is None:
        rtl = build / "rtl"
        unit = ["--unit", args.unit] if args.unit else []
        call(emeuro, "generate", args.emulator, *unit, "--force", "--out", rtl)
    if vectors is None:
        vectors = build / "vectors"
        call(emeuro, "vectors", args.emulator, "--unit", rtl / "unit.yaml", "--frames", args.frames,
             "--seed", args.seed, "--force", "--out", vectors)
    rtl, vectors = rtl.resolve(), vectors.resolve()
    manifest = json.loads((vectors / "vectors.json").read_text())

    try:
        runner = get_runner(args.sim)
        runner.build(
            sources=sorted(rtl.glob("*.v")),
            hdl_toplevel=manifest["top"],
            build_dir=build / args.sim,
            timescale=("1ns", "1ps"),
            always=True,
        )
        results = runner.test(
            hdl_toplevel=manifest["top"],
            test_module="test_unit",
            build_dir=build / args.sim,
            # Hex files are named without a folder: the simulator looks in its working directory.
            test_dir=rtl,
            results_xml=str(build / "results.xml"),
            extra_env={
                "EMEURO_VECTORS": str(vectors),
                "EMEURO_SEED": str(args.seed),
                "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
            },
        )
    except RuntimeError as error:
        missing(f"{args.sim} failed: {error}; what it printed is above")
    tests, failed = get_results(results)
    print(f"{tests - failed} of {tests} tests passed, {manifest['frames']} frames each")
    sys.exit(1 if failed or tests == 0 else 0)


if __name__ == "__main__":
    main()
