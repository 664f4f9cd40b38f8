"""What transformers and llama.cpp generate greedily with an exported student.

Usage: python exports.py FOLDER GGUF < {"prompts": [[{"role": ..., "content": ...}], ...], "tokens": n}
Prints {"transformers": {"ids": [[...]], "texts": [...], "tensors": n}, "llama.cpp": {"ids": [[...]], "texts": [...]}};
`ids` are those of the rendered prompts. A part whose package is not installed is null.
"""
import json, sys

folder, gguf = sys.argv[1:3]
job = json.load(sys.stdin)
out = {'transformers': None, 'llama.cpp': None}

try:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError:
    pass
else:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report['missing_keys'] and not report['unexpected_keys'] and not report['mismatched_keys'], report
    ids, texts = [], []
    for messages in job['prompts']:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(text, add_special_tokens=False, return_tensors='pt')
        ids.append(inputs['input_ids'][0].tolist())
        with torch.no_grad():
            generated = model.generate(**inputs, max_new_tokens=job['tokens'])
        texts.append(tokenizer.decode(generated[0, inputs['input_ids'].shape[1]:], skip_special_tokens=True))
    out['transformers'] = {'ids': ids, 'texts': texts, 'tensors': len(model.state_dict())}

try:
    from llama_cpp import Llama
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter
except ImportError:
    pass
else:
    model = Llama(gguf, n_ctx=0, verbose=False, logits_all=False)
    template = Jinja2ChatFormatter(model.metadata['tokenizer.chat_template'], eos_token='<|end|>', bos_token='')
    ids, texts = [], []
    for messages in job['prompts']:
        prompt_ids = model.tokenize(template(messages=messages).prompt.encode(), add_bos=False, special=True)
        ids.append(prompt_ids)
        completion = model.create_completion(prompt_ids, max_tokens=job['tokens'], temperature=0, repeat_penalty=1.0, top_k=1)
        texts.append(completion['choices'][0]['text'])
    out['llama.cpp'] = {'ids': ids, 'texts': texts}

json.dump(out, sys.stdout)
