"""What PyTorch's Llama (transformers) computes from the model next to the project, dequantised by gguf-py.

    python tests/oracles/logits.py ../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf > tests/oracles/logits.json

Needs torch, transformers, accelerate and gguf. For every position: the most likely token, 48 logits spread over the
vocabulary, and the largest of all logits, the logarithm of the sum of their exponentials and the mean of their squares, which any
wrong logit changes.
"""
import json, os, sys
import torch
from transformers import AutoModelForCausalLM

folder, name = os.path.split(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(folder or '.', gguf_file=name, dtype=torch.float32).eval()
vocabulary = model.config.vocab_size
PLACES = [(i * 1021 + 17) % vocabulary for i in range(48)]
# Ids of every size; the two texts have a shared prefix.
opening = [1, 4093, 198] + [(i * i * 37 + 11) % 49000 + 20 for i in range(12)]
TEXTS = [opening + [(i * 7919 + 5) % 49152 for i in range(33)], opening + [504, 3575, 282, 4649, 314, 7042, 30, 198, 2683, 28, 216, 34]]

out = {'places': PLACES, 'texts': []}
for tokens in TEXTS:
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0].double()
    out['texts'].append({
        'tokens': tokens,
        'best': logits.argmax(-1).tolist(),
        'margins': [round(float(a - b), 5) for a, b in logits.topk(2).values],
        'largest': [round(x, 6) for x in logits.max(-1).values.tolist()],
        'logSumExp': [round(x, 6) for x in logits.logsumexp(-1).tolist()],
        'meanSquare': [round(x, 6) for x in (logits ** 2).mean(-1).tolist()],
        'chosen': [[round(x, 5) for x in row] for row in logits[:, PLACES].tolist()],
    })
print(json.dumps(out))
