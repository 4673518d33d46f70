"""A generated unit in a LiteX SoC.

    from emeuro_unit import EmeuroUnit

    self.unit = EmeuroUnit(platform, "rtl-out/newton")
    self.comb += [source.connect(self.unit.sink), self.unit.source.connect(sink)]

`sink` takes input frames and `source` gives output frames, one word (or beat of words)
per transfer; `last` ends a frame. A unit that was generated with `control: axi_lite`
also has `bus`, an AXI4-Lite slave for the SoC:

    self.bus.add_slave("unit", self.unit.bus, SoCRegion(size=0x1000, cached=False))
"""

import os
import re
import shutil

from migen import ClockSignal, Instance, ResetSignal, Signal
from litex.gen import LiteXModule
from litex.soc.interconnect import axi, stream
from litex.soc.interconnect.csr import CSRField, CSRStatus

PORT = re.compile(
    r"^ *(input|output) +(?:wire|reg) +(?:signed +)?(?:\[(\d+):0\] +)?(\w+)", re.MULTILINE
)


class EmeuroUnit(LiteXModule):
    """The unit in `folder`, as `emeuro generate` has written it."""

    def __init__(self, platform, folder):
        with open(os.path.join(folder, "unit.yaml")) as unit:
            top = re.search(r"^top: (\w+)$", unit.read(), re.MULTILINE).group(1)
        with open(os.path.join(folder, f"{top}.f")) as names:
            sources = names.read().split()
        with open(os.path.join(folder, f"{top}.v")) as verilog:
            found = PORT.findall(verilog.read())
        ports = {name: (way, int(high or 0) + 1) for way, high, name in found}

        for name in sources:
            platform.add_source(os.path.join(folder, name))
        # $readmemh looks in the build folder: the toolchain needs the hex files there.
        hex_files = (f for f in os.listdir(folder) if f.endswith(".hex"))
        self.hex_files = sorted(os.path.join(folder, f) for f in hex_files)

        self.sink = stream.Endpoint([("data", ports["s_axis_tdata"][1])])
        self.source = stream.Endpoint([("data", ports["m_axis_tdata"][1])])
        connections = dict(
            i_aclk=ClockSignal(),
            i_aresetn=~ResetSignal(),
            i_s_axis_tdata=self.sink.data,
            i_s_axis_tvalid=self.sink.valid,
            i_s_axis_tlast=self.sink.last,
            o_s_axis_tready=self.sink.ready,
            o_m_axis_tdata=self.source.data,
            o_m_axis_tvalid=self.source.valid,
            o_m_axis_tlast=self.source.last,
            i_m_axis_tready=self.source.ready,
        )

        # Flags of dropped frames, for software.
        short_frame, long_frame = Signal(), Signal()
        connections.update(o_short_frame=short_frame, o_long_frame=long_frame)
        self.status = CSRStatus(fields=[CSRField("short_frame"), CSRField("long_frame")])
        self.comb += [
            self.status.fields.short_frame.eq(short_frame),
            self.status.fields.long_frame.eq(long_frame),
        ]

        # Registers, if the unit has them.
        if "s_axi_awaddr" in ports:
            width = ports["s_axi_awaddr"][1]
            self.bus = axi.AXILiteInterface(data_width=32, address_width=32)
            for channel in "aw", "w", "b", "ar", "r":
                endpoint = getattr(self.bus, channel)
                signals = {"valid": endpoint.valid, "ready": endpoint.ready}
                for name, *_ in endpoint.description.payload_layout:
                    signals[name] = getattr(endpoint, name)
                for name, signal in signals.items():
                    port = f"s_axi_{channel}{name}"
                    if port in ports:
                        way = ports[port][0]
                        signal = signal[:width] if name == "addr" else signal
                        connections[f"{way[0]}_{port}"] = signal

        self.specials += Instance(top, **connections)

    def copy_hex_files(self, build_folder):
        """Puts the ROM contents where the toolchain runs."""
        os.makedirs(build_folder, exist_ok=True)
        for path in self.hex_files:
            shutil.copy(path, build_folder)
