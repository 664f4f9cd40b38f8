"""What peft computes with an exported adapter on its exported decoder.

Usage: python adapter-files.py FOLDER ADAPTER < {"rows": [[token, ...], ...]}
Prints {"apart": [[...]], "merged": [[...]]}: log-probabilities of each row's tokens from the second on, with the adapter separate
from the decoder and merged into it.
"""
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

folder, adapter = sys.argv[1:3]
rows = json.load(sys.stdin)['rows']


def log_probs(model):
    with torch.no_grad():
        logs = [torch.log_softmax(model(input_ids=torch.tensor([row])).logits[0, :-1], -1) for row in rows]
    return [one.gather(-1, torch.tensor(row[1:])[:, None])[:, 0].tolist() for one, row in zip(logs, rows)]


model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter)
model.eval()
out = {'apart': log_probs(model)}
out['merged'] = log_probs(model.merge_and_unload())
json.dump(out, sys.stdout)
