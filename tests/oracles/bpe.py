"""Merges that the `tokenizers` library's BpeTrainer learns from the texts of tokens.json and some generated words.

    python tests/oracles/bpe.py tests/oracles/tokens.json > tests/oracles/bpe.json
"""
import json
import sys

from tokenizers import Regex, Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPECIALS = ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]


def make_words():
    """Words of few letters with many ties and repeated letters, where trainers can differ."""
    state, out = 1, []
    for _ in range(4000):
        word = ""
        for _ in range(1 + state % 9):
            state = (state * 1103515245 + 12345) % 2**31
            word += "aabc"[(state >> 16) % 4]
        out.append(word)
    return [" ".join(out[i : i + 20]) for i in range(0, len(out), 20)]


def train(texts, vocabulary, min_frequency):
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = BpeTrainer(vocab_size=vocabulary, min_frequency=min_frequency, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    return {"vocabulary": vocabulary, "minFrequency": min_frequency, "tokens": tokens, "merges": [" ".join(pair) for pair in model["merges"]]}


def main(path):
    strings = json.load(open(path, encoding="utf-8"))["strings"]
    result = {"strings": [train(strings, 1500, 2)], "words": [train(make_words(), 700, 1), train(make_words(), 300, 3)]}
    json.dump(result, sys.stdout, separators=(",", ":"), ensure_ascii=False)


main(sys.argv[1])
