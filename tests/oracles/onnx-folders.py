"""Writes tests/oracles/onnx/*.zip: folders in the form that transformers.js reads, of tiny models with random weights, created by
exporters that are independent of this project; and what transformers and ONNX Runtime compute with the same weights.

- llama: Optimum's exporter; the same quantised to 4 bits (MatMulNBits) and to int8 (dynamic), and in half precision
- gpt2: Optimum's exporter, an architecture with learned positions
- qwen2: Optimum's exporter with biases, the weights in a file next to the graph
- grouped: the model builder of onnxruntime-genai: GroupQueryAttention, the weights in a file next to the graph

Needs: pip install optimum-onnx onnxruntime onnxruntime-genai==0.11.4 onnx torch "transformers<4.58"
Run:   python tests/oracles/onnx-folders.py
"""
import json, shutil, subprocess, sys, tempfile, zipfile
from pathlib import Path

import numpy as np, onnx, onnxruntime, torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from optimum.exporters.onnx import main_export
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

OUT = Path(__file__).parent / "onnx"
TEXTS = ["the sea and the ships and the shore", "bread and butter", "where is the market", "a small shop sells tea and bread and a very large number of other things, as every one of the people in the town knows"]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
NEW_TOKENS = 24


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=272, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=SPECIALS[0], eos_token=SPECIALS[2], pad_token=SPECIALS[0], chat_template=TEMPLATE)
    fast.save_pretrained(folder)
    return fast


def make_model(config, folder, seed):
    """Weights on a coarse grid: they compress well, and no exporter rounds them."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1:
                wide = 1.6 if "embed" in name or "wte" in name else 2.4 / value.shape[-1] ** 0.5
                grid = 2 if wide == 1.6 else 4
                value.copy_(torch.round(torch.randn_like(value) * wide * grid) / grid)
            elif name.endswith("bias"):
                value.copy_(torch.round(torch.randn_like(value) * 4) / 16)
            else:
                value.copy_(1 + torch.round(torch.randn_like(value) * 2) / 16)  # the exporter stores equal ones once
    model.generation_config.eos_token_id = 2
    model.generation_config.bos_token_id = 0
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    return model


def expect_of_torch(model, tokenizer):
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        written = []
        with torch.no_grad():
            for _ in range(NEW_TOKENS):
                logits = model(torch.tensor([ids + written])).logits[0, -1]
                first = logits if not written else first
                written.append(int(logits.argmax()))
        rows.append({"text": text, "ids": ids, "logits": [round(float(x), 4) for x in first], "written": written})
    return rows


def expect_of_runtime(path, tokenizer, layers):
    """Token by token after the prompt, one row, computed by ONNX Runtime's own CPU build."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    past_in = [i for i in session.get_inputs() if i.name.startswith("past")]
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        past = {i.name: np.zeros([1, i.shape[1], 0, i.shape[3]], np.float16 if "16" in i.type else np.float32) for i in past_in}
        new, written, first = ids, [], None
        for _ in range(NEW_TOKENS):
            length = next(iter(past.values())).shape[2]
            feeds = {"input_ids": np.array([new]), "attention_mask": np.ones([1, length + len(new)], np.int64), "position_ids": np.arange(length, length + len(new))[None], **past}
            names = [o.name for o in session.get_outputs()]
            outputs = dict(zip(names, session.run(names, {i.name: feeds[i.name] for i in session.get_inputs()})))
            past = {name: outputs[name.replace("past_key_values", "present")] for name in past}
            logits = outputs["logits"][0, -1].astype(np.float32)
            first = logits if first is None else first
            new = [int(logits.argmax())]
            written.append(new[0])
        rows.append({"text": text, "ids": ids, "logits": [round(float(x), 4) for x in first], "written": written})
    return rows


def export(folder, target):
    with tempfile.TemporaryDirectory() as made:
        main_export(str(folder), made, task="text-generation-with-past", library_name="transformers", do_validation=False)
        (target / "onnx").mkdir()
        for file in Path(made).iterdir():
            if file.suffix != ".onnx":
                shutil.copy(file, target / file.name)
        model = onnx.load(Path(made) / "model.onnx")
    for node in model.graph.node:
        node.doc_string = ""
    return model


def pack(target, rows):
    (target / "expected.json").write_text(json.dumps(rows, separators=(",", ":")))
    with zipfile.ZipFile(OUT / f"{target.name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(target.rglob("*")):
            if path.is_file() and path.name != "special_tokens_map.json":
                file.write(path, path.relative_to(target))


def run(work):
    OUT.mkdir(exist_ok=True)
    shapes = dict(vocab_size=272, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=False)

    def start(name, config, seed):
        folder, target = work / f"{name}-pt", work / name
        folder.mkdir()
        target.mkdir()
        return folder, target, make_tokenizer(folder), make_model(config, folder, seed)

    folder, target, tokenizer, torch_model = start("llama", LlamaConfig(**shapes), 1)
    model = export(folder, target)
    onnx.save(model, target / "onnx/model.onnx")
    quantiser = MatMulNBitsQuantizer(onnx.load(target / "onnx/model.onnx"), block_size=16, is_symmetric=True)
    quantiser.process()
    quantiser.model.save_model_to_file(str(target / "onnx/model_q4.onnx"))
    quantize_dynamic(target / "onnx/model.onnx", target / "onnx/model_quantized.onnx", weight_type=QuantType.QUInt8, extra_options={"EnableSubgraph": True})
    onnx.save(convert_float_to_float16(onnx.load(target / "onnx/model.onnx"), keep_io_types=["logits"], disable_shape_infer=True), target / "onnx/model_fp16.onnx")
    rows = {"model": expect_of_torch(torch_model, tokenizer)}
    for name in ("model_q4", "model_quantized", "model_fp16"):
        rows[name] = expect_of_runtime(target / f"onnx/{name}.onnx", tokenizer, 2)
    pack(target, rows)

    folder, target, tokenizer, torch_model = start("gpt2", GPT2Config(vocab_size=272, n_positions=256, n_embd=32, n_layer=2, n_head=4, n_inner=32, eos_token_id=2, bos_token_id=0), 2)
    onnx.save(export(folder, target), target / "onnx/model.onnx")
    pack(target, {"model": expect_of_torch(torch_model, tokenizer)})

    folder, target, tokenizer, torch_model = start("qwen2", Qwen2Config(**shapes), 3)
    onnx.save(export(folder, target), target / "onnx/model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=256)
    pack(target, {"model": expect_of_torch(torch_model, tokenizer)})

    folder, target, tokenizer, torch_model = start("grouped", LlamaConfig(**shapes, head_dim=16), 4)  # its attention needs head widths of 16
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder, "-o", target, "-p", "fp32", "-e", "cpu", "-c", cache], check=True)
    shutil.copy(folder / "config.json", target)
    shutil.copy(folder / "generation_config.json", target)
    pack(target, {"model": expect_of_torch(torch_model, tokenizer)})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        run(Path(work))
