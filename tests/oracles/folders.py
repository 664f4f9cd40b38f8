"""Small tokenizers in the form of Hugging Face folders, trained here by the Rust `tokenizers` library, and what transformers computes
for texts and chats with them.

    python tests/oracles/folders.py > tests/oracles/folders.json

For each: its two files; for each string one checksum of its ids with special tokens parsed, of its ids with them as characters, and of
the decoded text of the former; `framed`, the ids of "ab" with the begin and end tokens that transformers adds. The strings are those of
tokens.json and a few more. For each chat template: what transformers renders, or null if it raises; `strftime_now` returns 1 January 2025.
"""
import datetime
import json
import sys
import zlib
from pathlib import Path

import transformers.utils.chat_template_utils as chats
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
EXTRA = ["a  b", "  two before", "two behind  ", "   ", "<s>", "</s>", "<s>a</s>", "a<s> b</s> c", "<0x41>", "▁", " ▁ ", "\n\n\n\n", "a\n\nb\n", "x<b>y <b> z", "word", "words", "a word.", "  <|mark|>  x", "<|mark|>", "e\u0301", "ŝo s\u0302o", "\u0000", "a\r\nb", "ａｂ", "ﬁ", "don't DON'T", "1234567 12"]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def strings():
    every = json.loads((HERE / "tokens.json").read_text())["strings"]
    return every[:150] + every[150::6] + EXTRA


def special(*tokens):
    return [AddedToken(token, normalized=False, special=True) for token in tokens]


def llama3(corpus):
    tokenizer = Tokenizer(BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens(special("<s>", "<|eot_id|>", "<|im_end|>"))
    begin = tokenizer.token_to_id("<s>")
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", begin)])])
    return tokenizer, {"bos_token": "<s>", "eos_token": "<|eot_id|>"}


def gpt2(corpus):
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_tokens([AddedToken("word", single_word=True, normalized=False), AddedToken("<|mark|>", lstrip=True, rstrip=True, normalized=False), AddedToken("ŝo", normalized=True)])
    tokenizer.add_special_tokens(special("</s>"))
    return tokenizer, {"eos_token": {"__type": "AddedToken", "content": "</s>"}, "add_bos_token": False}


def spm(corpus, normalizer, pre_tokenizer, decoder, added):
    """A BPE with byte tokens."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    training = Tokenizer(BPE(unk_token="<unk>"))
    training.normalizer = normalizer
    training.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    training.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=480, special_tokens=["<unk>", "<s>", "</s>", *BYTES], limit_alphabet=90, show_progress=False))
    model = json.loads(training.to_str())["model"]
    tokenizer.model = BPE(model["vocab"], [tuple(merge) for merge in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    tokenizer.add_tokens(added)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def llama2(corpus):
    tokenizer, config = spm(corpus, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]), [AddedToken("<b>", normalized=True)])
    return tokenizer, {**config, "add_bos_token": True}


def llama2_first(corpus):
    return spm(corpus, None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), decoders.Sequence([decoders.Metaspace(prepend_scheme="first"), decoders.ByteFallback(), decoders.Fuse()]), [AddedToken("<b>", normalized=False)])


def gemma(corpus):
    return spm(corpus, normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]), [AddedToken(token, normalized=False) for token in ("\n\n", "\n\n\n", "▁▁", "<b>", "<end_of_turn>")])


def unigram(corpus):
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.train_from_iterator([line[:80] for line in corpus], trainers.UnigramTrainer(vocab_size=260, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False))
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def unigram_bytes(corpus):
    tokenizer, config = unigram(corpus)
    model = json.loads(tokenizer.to_str())["model"]
    tokenizer.model = Unigram([tuple(entry) for entry in model["vocab"]] + [(byte, -20.0) for byte in BYTES], unk_id=0, byte_fallback=True)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")])
    return tokenizer, config


TEMPLATES = {
    "chatml with a system message of its own": "{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{%- endif %}{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
    "no system role": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
    "today": "{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now('%d %b %Y') %}\n    {%- else %}\n        {%- set date_string = '26 Jul 2024' %}\n    {%- endif %}\n{%- endif %}\n{{- bos_token + 'Today: ' + date_string + '\\n' }}\n{%- for message in messages %}\n{{- message.role | upper }}: {{ message['content'] | trim + eos_token }}\n{%- endfor %}\n{{ strftime_now('%Y-%m-%d %A %B %H:%M') }}",
    "tools and thinking undefined": "{%- if tools %}{{- 'tools: ' + tools | tojson }}{%- endif %}{%- set ns = namespace(last=-1) %}{%- for message in messages[::-1] %}{%- set index = (messages | length - 1) - loop.index0 %}{%- if ns.last < 0 and message.role == 'user' and not(message.content.startswith('<tool>')) %}{%- set ns.last = index %}{%- endif %}{%- endfor %}{%- for message in messages %}{{- message.role ~ '[' ~ loop.index0 ~ (' last' if loop.index0 == ns.last else '') ~ ']: ' ~ message.content.split('</think>')[-1].lstrip('\\n') ~ '\\n' }}{%- if message.tool_calls %}x{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- 'assistant: ' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think></think>' }}{%- endif %}{%- endif %}",
    "a generation block and a macro": "{%- macro turn(role, text) -%}\n<{{ role }}>{{ text }}</{{ role }}>\n{%- endmacro -%}\n{%- set system = messages[0].content if messages[0].role == 'system' else none -%}\n{%- if system is not none %}{{ turn('system', system) }}\n{% endif %}{%- for m in messages if m.role != 'system' %}{%- if m.role == 'assistant' %}{% generation %}{{ turn('assistant', m.content) }}{% endgeneration %}{% else %}{{ turn(m.role, m['content']) }}{% endif %}{{ '\\n' if not loop.last }}{% endfor %}{% if add_generation_prompt %}\n<assistant>{% endif %}",
    "instructions": "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}{{- bos_token }}{%- for message in loop_messages %}{%- if message['role'] == 'user' %}{%- if loop.last and system_message is defined %}{{- '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}{%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}{%- elif message['role'] == 'assistant' %}{{- ' ' + message['content'] + eos_token }}{%- else %}{{- raise_exception('Only user and assistant roles are supported, got ' + message['role']) }}{%- endif %}{%- endfor %}",
}
CHATS = [
    [{"role": "user", "content": "Hi there"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " What is 2 + 2?\n"}],
    [{"role": "user", "content": "One"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nTwo"}, {"role": "user", "content": "<tool>Three — “é”"}],
    [{"role": "assistant", "content": "First"}, {"role": "tool", "content": "x"}],
]


class FixedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 1, 1, 0, 0, 0)


def render(tokenizer, template, messages, prompt):
    try:
        return tokenizer.apply_chat_template(messages, chat_template=template, add_generation_prompt=prompt, tokenize=False)
    except Exception:
        return None


def checksum(value):
    return f"{zlib.crc32(value.encode('utf-8', 'surrogatepass')):x}"


def describe(name, made, texts):
    tokenizer, config = made
    raw = tokenizer.to_str()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{key: value["content"] if isinstance(value, dict) else value for key, value in config.items() if key.endswith("_token") and key != "add_bos_token"})
    rows = [fast.encode(text, add_special_tokens=False) for text in texts]
    plain = [fast.encode(text, add_special_tokens=False, split_special_tokens=True) for text in texts]
    decoded = [fast.decode(row, skip_special_tokens=False, clean_up_tokenization_spaces=False) for row in rows]
    join = lambda row: " ".join(map(str, row))
    return {
        "tokenizerJson": json.loads(raw),
        "tokenizerConfig": config,
        "sums": " ".join(checksum("|".join((join(row), join(other), text))) for row, other, text in zip(rows, plain, decoded)),
        "framed": fast.encode("ab"),
    }


def main():
    texts = strings()
    corpus = [line for text in texts if "\x00" not in text and max(text, default="") < "\u0600" for line in text.split("\n") if line.strip()]
    makers = {"llama3": llama3, "gpt2": gpt2, "llama2": llama2, "llama2-first": llama2_first, "gemma": gemma, "unigram": unigram, "unigram-bytes": unigram_bytes}
    models = {name: describe(name, make(corpus), texts) for name, make in makers.items()}
    chats.datetime = FixedDate
    for_chats = PreTrainedTokenizerFast(tokenizer_object=llama3(corpus)[0], bos_token="<s>", eos_token="<|eot_id|>")
    templates = {name: {"template": template, "rendered": [[render(for_chats, template, messages, prompt) for prompt in (False, True)] for messages in CHATS]} for name, template in TEMPLATES.items()}
    json.dump({"extra": EXTRA, "models": models, "chats": CHATS, "templates": templates}, sys.stdout, separators=(",", ":"), ensure_ascii=False)


main()
