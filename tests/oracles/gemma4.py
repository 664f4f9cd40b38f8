"""Small vocabularies of Gemma 4's kind (BPE on characters, "▁" for a blank, byte tokens) and what the Rust library computes with them.

    python tests/oracles/gemma4.py > tests/oracles/gemma4.json

`tokenizerJson` is in the form of transformers' GemmaTokenizer. "whole": pieces by the package `sentencepiece` and merges as transformers
derives them from their order; runs of 2 to 12 newlines and of blanks are ordinary tokens. "crossing": trained by the library on whole lines
with their ends, so tokens cross blanks and newlines; no pre-tokenizer. "lacking": the former without the tokens of some bytes. For each
string: one checksum of its ids with special tokens parsed, of its ids with them as characters, and of the decoded text of the former.
"""
import io
import json
import sys
import zlib
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import generate_merges

HERE = Path(__file__).parent
SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>"]
ADDED = ['<|"|>', "<b>"]
RUNS = ["\n" * count for count in range(1, 13)] + ["▁" * count for count in range(2, 9)]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
EXTRA = ["a  b", "  two before", "two behind  ", "   ", "▁", " ▁ ", "<0x41>", "<0x0A>", "<bos>", "<|turn>user\nHi<turn|>\n<|turn>model\n", 'x<|"|>y <b> z', "</s>x", "a\r\nb", "\u0000", "ａｂ", "ﬁ", "\U0001f9d1\u200d\U0001f680 ok", "x \n y", " \n\n ", "\t\n\t\n", "漢字\n\n\n仮名", "ॐ नमः\n", "word " * 40] + ["\n" * count for count in range(1, 41)] + [f"a{chr(10) * count}b" for count in range(2, 30, 3)]


def strings():
    every = json.loads((HERE / "tokens.json").read_text())["strings"]
    return every[:150] + every[150::5] + EXTRA


def build(vocabulary, merges, pre_tokenizer):
    tokenizer = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIALS])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in ADDED])
    return tokenizer


def whole(corpus):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=out, model_type="bpe", normalization_rule_name="identity", remove_extra_whitespaces=False, vocab_size=800,
        byte_fallback=True, split_digits=True, add_dummy_prefix=False, character_coverage=0.99, user_defined_symbols=RUNS, allow_whitespace_only_pieces=True,
        split_by_whitespace=False, max_sentence_length=20000, minloglevel=2, num_threads=1, hard_vocab_limit=False)
    pieces = [piece.piece for piece in proto.ModelProto.FromString(out.getvalue()).pieces]
    ordered = list(dict.fromkeys([*SPECIALS, *(piece for piece in pieces if piece not in ("<s>", "</s>")), "</s>"]))
    vocabulary = {piece: i for i, piece in enumerate(ordered)}
    merges = generate_merges(vocabulary, skip_tokens=[*SPECIALS, *BYTES])
    return build(vocabulary, merges, pre_tokenizers.Split(" ", "merged_with_previous"))


def crossing(corpus, lacks=()):
    training = Tokenizer(BPE(unk_token="<unk>"))
    training.normalizer = normalizers.Replace(" ", "▁")
    training.train_from_iterator([f"{line[:60]}\n" for line in corpus], trainers.BpeTrainer(vocab_size=700, special_tokens=[*SPECIALS, *BYTES], limit_alphabet=90, show_progress=False))
    model = json.loads(training.to_str())["model"]
    kept = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1]) if token not in lacks]
    return build({token: i for i, token in enumerate(kept)}, [tuple(merge) for merge in model["merges"]], None)


def checksum(value):
    return f"{zlib.crc32(value.encode('utf-8', 'surrogatepass')):x}"


def describe(tokenizer, texts):
    raw = json.loads(tokenizer.to_str())
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    join = lambda row: " ".join(map(str, row))
    sums = []
    for text in texts:
        row = fast.encode(text, add_special_tokens=False)
        plain = fast.encode(text, add_special_tokens=False, split_special_tokens=True)
        decoded = fast.decode(row, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        sums.append(checksum("|".join((join(row), join(plain), decoded))))
    return {"tokenizerJson": raw, "sums": " ".join(sums)}


def main():
    texts = strings()
    corpus = [line for text in texts if "\x00" not in text and "<|" not in text and max(text, default="") < "\u0600" for line in text.split("\n") if line.strip()]
    models = {"whole": whole(corpus), "crossing": crossing(corpus), "lacking": crossing(corpus, lacks=BYTES[0x80:0xE4])}
    json.dump({"extra": EXTRA, "models": {name: describe(tokenizer, texts) for name, tokenizer in models.items()}}, sys.stdout, separators=(",", ":"), ensure_ascii=False)


main()
