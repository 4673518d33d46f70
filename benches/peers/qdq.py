"""An emulator file as an ONNX model with quantised operators (QDQ).

Weights are the emulator's, with their scales. Activations have 8 bits instead of 16, over the same ranges: words of b bits and
binary point f become bytes with a step of 2^(b - 8 - f); those behind a ReLU use all 256 steps for the numbers from 0 on.
Biases are 32-bit integers at the scale of the sums. Input and output are bytes: nothing is converted on the way.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
# The QDQ patterns are fused by runtimes that may be older than the package that writes the file.
IR_VERSION = 10
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unsupported(Exception):
    """The emulator has something that this export does not know."""


@dataclass
class Scale:
    """Bytes of a vector: value = (byte - zero) * step."""

    step: float
    zero: int

    @staticmethod
    def of(format_, rectified=False):
        bits = format_["bits"] - format_["frac"]
        return Scale(2.0 ** (bits - 9), 0) if rectified else Scale(2.0 ** (bits - 8), 128)


@dataclass
class Network:
    """What there is to know about an exported emulator."""

    name: str
    inputs: int
    outputs: int
    macs: int
    # Binary points of the input words and of the output words.
    input_fracs: np.ndarray
    output_fracs: np.ndarray
    input_bits: int
    output_scale: Scale
    output_format_frac: int
    model: callable


def with_bytes(path):
    """The emulator file with 8-bit activations over the same ranges: what the exported model computes, but for the bytes behind a
    ReLU, which have a sign here."""
    with open(path, encoding="utf-8") as file:
        emulator = yaml.load(file, Loader=LOADER)
    narrowed = lambda value, bits: int(np.clip(np.floor(value / 2.0 ** (bits - 8) + 0.5), -128, 127))
    for port in (emulator["input"], emulator["output"]):
        for segment in port["segments"]:
            segment["frac"] -= port["bits"] - 8
    words = {"input": emulator["input"]["bits"]} | {layer["name"]: layer["format"]["bits"] for layer in emulator["layers"]}
    emulator["input"]["bits"] = emulator["output"]["bits"] = 8
    for layer in emulator["layers"]:
        bits = layer["format"]["bits"]
        layer["format"] = {"bits": 8, "frac": layer["format"]["frac"] - (bits - 8)}
        if "bias" in layer:
            step = 2.0 ** (words[layer["input"]] - 8)
            layer["bias"] = [int(np.floor(bias / step + 0.5)) for bias in layer["bias"]]
        if "knots" in layer:
            # An 8-bit operand has no more than 2^8 segments.
            knots = layer["knots"]
            layer["knots"] = [narrowed(knot, bits) for knot in knots[:: max(1, (len(knots) - 1) // 256)]]
    return yaml.dump(emulator, default_flow_style=None, sort_keys=False)


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def scale(self, name, scale):
        step = self.constant(f"{name}_step", np.float32(scale.step))
        return [step, self.constant(f"{name}_zero", np.uint8(scale.zero))]

    def quantised(self, name, real, scale):
        return self.node("QuantizeLinear", [real, *self.scale(name, scale)], name)

    def real(self, name, scale, reader):
        """The numbers of the bytes called `name`, for one reader: fusing wants a node per reader."""
        label = f"{name}_for_{reader}"
        return self.node("DequantizeLinear", [name, *self.scale(label, scale)], label)


def load(path):
    with open(path, encoding="utf-8") as file:
        emulator = yaml.load(file, Loader=LOADER)
    output = emulator["output"]
    if "router" in emulator or "order" in output or len(output["from"]) != 1:
        raise Unsupported("members, or an output of several vectors or in another order")
    for layer in emulator["layers"]:
        if layer["op"] not in ("dense", "add", "activate") or layer.get("function", "relu") not in ("relu", "silu"):
            raise Unsupported(f"{layer['name']}: {layer['op']} {layer.get('function', '')}")
        if layer["op"] == "dense" and layer["weights"]["format"]["bits"] > 8:
            raise Unsupported(f"{layer['name']}: weights of 16 bits")
    fracs = lambda port: np.concatenate([np.full(s["size"], s["frac"]) for s in port["segments"]])
    formats = {"input": {"bits": emulator["input"]["bits"], "frac": emulator["input"]["segments"][0]["frac"]}}
    formats.update({layer["name"]: layer["format"] for layer in emulator["layers"]})
    weights = [layer["weights"]["rows"] for layer in emulator["layers"] if layer["op"] == "dense"]
    last = output["from"][0]
    return Network(
        name=emulator["name"],
        inputs=len(fracs(emulator["input"])),
        outputs=len(fracs(output)),
        macs=sum(len(rows) * len(rows[0]) for rows in weights),
        input_fracs=fracs(emulator["input"]),
        output_fracs=fracs(output),
        input_bits=emulator["input"]["bits"],
        output_scale=Scale.of(formats[last]),
        output_format_frac=formats[last]["frac"],
        model=lambda frames: export(emulator, formats, frames),
    )


def export(emulator, formats, frames):
    """The model for `frames` frames at once, as bytes of a file."""
    graph = Graph()
    scales = {"input": Scale.of(formats["input"])}
    sizes = {"input": sum(s["size"] for s in emulator["input"]["segments"])}
    # A ReLU is fused into the layer before it, whose vector has then no other reader.
    rectified = {layer["input"]: layer["name"] for layer in emulator["layers"] if layer.get("function") == "relu"}
    readers = [name for layer in emulator["layers"] for name in [layer.get("input"), *layer.get("inputs", [])]]
    names = {"input": "input"}
    for layer in emulator["layers"]:
        name, op = layer["name"], layer["op"]
        if op == "dense":
            operand, weights = layer["input"], layer["weights"]
            scale, step = scales[operand], 2.0 ** -weights["format"]["frac"]
            rows = np.asarray(weights["rows"], dtype=np.int8)
            # Sums of the emulator count in smaller steps, by what a byte's step is larger than a word's.
            ratio = scale.step * 2.0 ** formats[operand]["frac"]
            bias = np.round(np.asarray(layer["bias"]) / ratio).astype(np.int32)
            w = graph.constant(f"{name}_weights", rows)
            w_step = graph.constant(f"{name}_weights_step", np.float32(step))
            w_zero = graph.constant(f"{name}_weights_zero", np.int8(0))
            b = graph.constant(f"{name}_bias", bias)
            b_step = graph.constant(f"{name}_bias_step", np.float32(step * scale.step))
            b_zero = graph.constant(f"{name}_bias_zero", np.int32(0))
            real = graph.node(
                "Gemm",
                [
                    graph.real(names[operand], scale, name),
                    graph.node("DequantizeLinear", [w, w_step, w_zero], f"{name}_w"),
                    graph.node("DequantizeLinear", [b, b_step, b_zero], f"{name}_b"),
                ],
                f"{name}_sum",
                transB=1,
            )
            sizes[name] = len(rows)
        elif op == "add":
            operands = [graph.real(names[operand], scales[operand], name) for operand in layer["inputs"]]
            real = graph.node("Add", operands, f"{name}_sum")
            sizes[name] = sizes[layer["inputs"][0]]
        elif layer["function"] == "relu":
            operand = layer["input"]
            sizes[name], scales[name] = sizes[operand], Scale.of(layer["format"], rectified=True)
            if operand in names:
                real = graph.node("Relu", [graph.real(names[operand], scales[operand], name)], f"{name}_real")
                names[name] = graph.quantised(f"{name}_bytes", real, scales[name])
            else:
                names[name] = f"{operand}_bytes"
            continue
        else:
            # SiLU is x times its sigmoid, and the sigmoid has a step of 1/256.
            operand = layer["input"]
            sigmoid = graph.node("Sigmoid", [graph.real(names[operand], scales[operand], name)], f"{name}_sigmoid")
            part = Scale(2.0**-8, 0)
            share = graph.quantised(f"{name}_share", sigmoid, part)
            factors = [graph.real(names[operand], scales[operand], f"{name}_x"), graph.real(share, part, f"{name}_x")]
            real = graph.node("Mul", factors, f"{name}_product")
            sizes[name] = sizes[operand]
        scales[name] = Scale.of(layer["format"])
        if name in rectified and readers.count(name) == 1:
            # With a zero of 0, saturation is the rectification.
            relu_format = formats[rectified[name]]
            real = graph.node("Relu", [real], f"{name}_rectified")
            graph.quantised(f"{name}_bytes", real, Scale.of(relu_format, rectified=True))
        else:
            names[name] = graph.quantised(f"{name}_bytes", real, scales[name])
    output = names[emulator["output"]["from"][0]]
    made = helper.make_graph(
        graph.nodes,
        emulator["name"],
        [helper.make_tensor_value_info("input", TensorProto.UINT8, [frames, sizes["input"]])],
        [helper.make_tensor_value_info(output, TensorProto.UINT8, [frames, sizes[emulator["output"]["from"][0]]])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def identity():
    """The smallest model: what a call costs before anything is computed."""
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.UINT8, [1, 1])
    made = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [value("x")], [value("y")])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return model.SerializeToString()
