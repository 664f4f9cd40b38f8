"""What the gguf package reads from a GGUF file.

Usage: python merged-gguf.py FILE
Prints {"keys": {name: [kinds, number of items, value or null]}, "tensors": {name: [type, [shape]]}}.
"""
import json, sys
from gguf import GGUFReader

reader = GGUFReader(sys.argv[1])
keys = {}
for name, field in reader.fields.items():
    value = field.contents()
    keys[name] = [[kind.name for kind in field.types], len(field.data), value if isinstance(value, (str, int, float, bool)) else None]
tensors = {one.name: [one.tensor_type.name, [int(size) for size in one.shape]] for one in reader.tensors}
json.dump({'keys': keys, 'tensors': tensors}, sys.stdout)
