"""Small SentencePiece models and their ids of many strings, by the Python package `sentencepiece`.

    pip install protobuf; python tests/oracles/spm.py > tests/oracles/spm.json

Each model is trained here and written in the form of llama.cpp's converter: pieces, scores, and types 1 normal, 2 unknown,
3 control, 4 user-defined (their "▁" as spaces), 5 unused, 6 byte. `ids` are checksums of the ids, `decoded` of the texts that they
decode to; the strings are those of tokens.json. `json` are checksums of ids by the Rust library, on a tokenizer.json with merges as
transformers derives them from the scores, and "▁" put before texts by a normaliser (Llama 2's form), special tokens parsed.
"unused" is "llama" with other types.
"""
import io
import json
import sys
import zlib
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from transformers.convert_slow_tokenizer import generate_merges

HERE = Path(__file__).parent
SYMBOLS = ["<start_of_turn>", "<turn_end>", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<b>", "</s>x", "Ünï"]
EXTRA = ["a  b", "  two before", "two behind  ", "   ", "<s>", "</s>", "<unk>", "<s>a</s>", "a<s> b</s> c", "<0x41>", "▁", "▁a", "▁\n▁", "\n\n\n\n", "a\n\nb\n", "<start_of_turn>user\nHi<turn_end>\n<start_of_turn>model\n", "x<b>y<b> z</s>xy", "    Ünï  Ünïx", "\u0000", "\U0001f9d1\u200d\U0001f680 ok", "a\r\nb", "ａｂ", "ﬁ"]


def strings():
    every = json.loads((HERE / "tokens.json").read_text())["strings"]
    return every[:150] + every[150::3] + EXTRA


def train(texts, **options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=out, model_type="bpe", normalization_rule_name="identity", remove_extra_whitespaces=False,
        character_coverage=0.99, max_sentence_length=20000, minloglevel=2, num_threads=1, hard_vocab_limit=False, **options)
    return proto.ModelProto.FromString(out.getvalue())


def checksum(value):
    return f"{zlib.crc32(value.encode('utf-8', 'surrogatepass')):x}"


def describe(model, texts):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    ids = [processor.encode(text) for text in texts]
    return {
        "tokens": [piece.piece.replace("▁", " ") if piece.type == 4 else piece.piece for piece in model.pieces],
        "scores": [piece.score for piece in model.pieces],
        "types": [piece.type for piece in model.pieces],
        "prefix": model.normalizer_spec.add_dummy_prefix,
        "ids": " ".join(checksum(" ".join(map(str, row))) for row in ids),
        "decoded": " ".join(checksum(processor.decode(row)) for row in ids),
    }


def by_library(model, texts):
    """Llama 2's tokenizer.json."""
    vocabulary = {piece.piece: i for i, piece in enumerate(model.pieces)}
    scores = {piece.piece: piece.score for piece in model.pieces}
    specials = [piece.piece for piece in model.pieces if piece.type in (2, 3)]
    merges = generate_merges(vocabulary, scores, skip_tokens=specials)
    tokenizer = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in specials])
    rows = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return {"json": " ".join(checksum(" ".join(map(str, row))) for row in rows), "jsonDecoded": " ".join(checksum(tokenizer.decode(row, skip_special_tokens=False)) for row in rows)}


def main():
    texts = strings()
    corpus = [line for text in texts if "\x00" not in text and max(text, default="") < "\u0600" for line in text.split("\n") if line.strip()]
    llama = train(corpus, vocab_size=600, byte_fallback=True, split_digits=True)
    unused = proto.ModelProto.FromString(llama.SerializeToString())
    for piece in [piece for piece in unused.pieces if piece.type == 1 and len(piece.piece) > 1][::5]:
        piece.type = 5
    gemma = train(corpus, vocab_size=600, byte_fallback=True, split_digits=True, add_dummy_prefix=False, user_defined_symbols=SYMBOLS, allow_whitespace_only_pieces=True, split_by_whitespace=False)
    lacking = train(corpus, vocab_size=300, byte_fallback=False)
    models = {"llama": {**describe(llama, texts), **by_library(llama, texts)}, "gemma": describe(gemma, texts), "unused": describe(unused, texts), "lacking": describe(lacking, texts)}
    for shared in ("tokens", "scores"):
        del models["unused"][shared]
    json.dump({"extra": EXTRA, "models": models}, sys.stdout, separators=(",", ":"), ensure_ascii=False)


main()
