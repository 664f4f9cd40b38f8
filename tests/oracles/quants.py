"""Random blocks of every tensor type that the program supports, and their values by ggml's own `gguf` package.

    python tests/oracles/quants.py > tests/oracles/quants.json
"""
import base64
import json
import sys

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def main():
    rng = np.random.default_rng(11)
    result = {}
    for name in ["F32", "F16", "BF16", *HALVES]:
        kind = GGMLQuantizationType[name]
        elements, size = GGML_QUANT_SIZES[kind]
        blocks = 64 if elements == 1 else 4
        data = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
        if name == "F32":
            data = rng.standard_normal(blocks).astype("<f4").view(np.uint8).reshape(blocks, 4)
        elif name == "F16":
            data = rng.standard_normal(blocks).astype("<f2").view(np.uint8).reshape(blocks, 2)
            data[0] = [1, 0]  # the smallest half, not normal
        elif name == "BF16":
            data[:, 1] = (data[:, 1] & 0x80) | 0x3F  # no infinities
        for at in HALVES.get(name, []):  # scales of the size that weights have, with signs
            data[:, at : at + 2] = (rng.standard_normal(blocks) * 0.05).astype("<f2").view(np.uint8).reshape(blocks, 2)
        values = dequantize(data.reshape(1, -1), kind).astype("<f4").reshape(-1) if name != "F32" else data.reshape(-1).view("<f4")
        result[name] = {"bytes": base64.b64encode(data.tobytes()).decode(), "values": base64.b64encode(values.tobytes()).decode()}
    json.dump(result, sys.stdout, separators=(",", ":"))


main()
