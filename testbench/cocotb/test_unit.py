"""A unit of EMEURO between bus models that its authors have not written: cocotbext-axi.

Every test resets the unit, streams all frames of the vectors through it, and compares what comes out, byte by byte, with
the expected frames. A unit with a control port is also asked over AXI4-Lite who it is and how many frames it has answered.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

CLOCK_NS = 10
# Without an output frame for so long, the unit hangs.
FRAME_TIMEOUT_US = 20_000
# Registers that move by themselves; all others read what they were generated with.
LIVE_REGISTERS = {"CYCLES"}


class Port:
    """The frames of one port as bytes, in the order in which they lie in the beats of its stream."""

    def __init__(self, folder, description):
        assert description["byte_order"] == "little"
        self.word_bytes = description["word_bits"] // 8
        self.frames = []
        for line in (folder / description["file"]).read_text().splitlines():
            words = [int(word, 16) for word in line.split()]
            assert len(words) == description["words"], f"{description['file']}: a frame of {len(words)} words"
            self.frames.append(b"".join(word.to_bytes(self.word_bytes, "little") for word in words))


class Vectors:
    """What `emeuro vectors` has written."""

    def __init__(self, folder):
        self.manifest = json.loads((folder / "vectors.json").read_text())
        assert self.manifest["emeuro_vectors"] == 1
        self.input = Port(folder, self.manifest["input"])
        self.output = Port(folder, self.manifest["output"])
        self.registers = {register["name"]: register for register in self.manifest["registers"]}
        assert len(self.input.frames) == len(self.output.frames) == self.manifest["frames"]


class Bench:
    """The unit with a clock, a source, a sink and, if it has a control port, a master."""

    def __init__(self, unit):
        self.unit = unit
        self.vectors = Vectors(Path(os.environ["EMEURO_VECTORS"]))
        self.random = random.Random(int(os.environ["EMEURO_SEED"]))
        cocotb.start_soon(Clock(unit.aclk, CLOCK_NS, unit="ns").start())
        reset = {"reset": unit.aresetn, "reset_active_level": False}
        # tdata of words, tkeep of bytes: the input has no tkeep, so bytes are what the source counts in.
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(unit, "s_axis"), unit.aclk, **reset, byte_size=8)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(unit, "m_axis"), unit.aclk, **reset)
        # Units with quality levels and without registers are told the level at a port.
        if hasattr(unit, "quality"):
            unit.quality.value = self.vectors.manifest["level"]
        self.master = None
        if self.vectors.registers:
            self.master = AxiLiteMaster(AxiLiteBus.from_prefix(unit, "s_axi"), unit.aclk, **reset)

    async def reset(self):
        self.unit.aresetn.value = 0
        for _ in range(4):
            await RisingEdge(self.unit.aclk)
        self.unit.aresetn.value = 1
        await RisingEdge(self.unit.aclk)

    def pauses(self, share):
        """True in about this share of the clocks."""
        while True:
            yield self.random.random() < share

    async def play(self):
        """Sends every frame, and compares every answer."""
        for frame in self.vectors.input.frames:
            await self.source.send(AxiStreamFrame(frame))
        for index, expected in enumerate(self.vectors.output.frames):
            frame = await with_timeout(self.sink.recv(), FRAME_TIMEOUT_US, "us")
            got = bytes(frame.tdata)
            assert len(got) == len(expected), f"frame {index}: expected {len(expected)} bytes, got {len(got)}"
            size = self.vectors.output.word_bytes
            for word, (right, found) in enumerate(zip(words(expected, size), words(got, size))):
                assert found == right, f"frame {index}, word {word}: expected {right:#x}, got {found:#x}"
        for _ in range(64):
            await RisingEdge(self.unit.aclk)
        assert self.sink.empty(), "a frame too many"

    async def read(self, name):
        return await self.master.read_dword(self.vectors.registers[name]["offset"])


def words(data, size):
    return [int.from_bytes(data[start : start + size], "little") for start in range(0, len(data), size)]


@cocotb.test()
async def frames_at_full_rate(unit):
    bench = Bench(unit)
    await bench.reset()
    await bench.play()
    assert unit.short_frame.value == 0 and unit.long_frame.value == 0


@cocotb.test()
async def frames_with_gaps_and_back_pressure(unit):
    bench = Bench(unit)
    bench.source.set_pause_generator(bench.pauses(0.4))
    bench.sink.set_pause_generator(bench.pauses(0.4))
    await bench.reset()
    await bench.play()


@cocotb.test()
async def a_short_frame_is_dropped_and_flagged(unit):
    bench = Bench(unit)
    await bench.reset()
    frame = bench.vectors.input.frames[0]
    beat = len(unit.s_axis_tdata) // 8
    if len(frame) <= beat:
        return
    await bench.source.send(AxiStreamFrame(frame[:beat]))
    await bench.play()
    assert unit.short_frame.value == 1 and unit.long_frame.value == 0


@cocotb.test()
async def registers_say_what_the_unit_is_and_count_its_frames(unit):
    bench = Bench(unit)
    await bench.reset()
    if bench.master is None:
        unit._log.info("no control port: nothing to ask")
        return
    for name, register in bench.vectors.registers.items():
        if name not in LIVE_REGISTERS:
            assert await bench.read(name) == register["reset"], name
    await bench.play()
    assert await bench.read("FRAMES") == bench.vectors.manifest["frames"]
    assert await bench.read("CYCLES") > 0
