"""What transformers computes with an exported classification student.

Usage: python class-files.py FOLDER < {"prompts": [text, ...]}
Prints {"kind", "labels", "ids": of each rendered prompt, "apart": probabilities one by one, "together": in one padded batch}.
"""
import json, sys
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = sys.argv[1]
prompts = json.load(sys.stdin)['prompts']
tokenizer = AutoTokenizer.from_pretrained(folder)
model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
assert not report['missing_keys'] and not report['unexpected_keys'] and not report['mismatched_keys'], report
texts = [tokenizer.apply_chat_template([{'role': 'user', 'content': prompt}], add_generation_prompt=True, tokenize=False) for prompt in prompts]
ids = [tokenizer(text, add_special_tokens=False)['input_ids'] for text in texts]
with torch.no_grad():
    apart = [torch.softmax(model(input_ids=torch.tensor([row])).logits[0], -1).tolist() for row in ids]
    together = torch.softmax(model(**tokenizer(texts, add_special_tokens=False, padding=True, return_tensors='pt')).logits, -1).tolist()
json.dump({'kind': type(model).__name__, 'labels': [model.config.id2label[i] for i in range(model.config.num_labels)], 'ids': ids, 'apart': apart, 'together': together}, sys.stdout)
