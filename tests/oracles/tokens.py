"""Token ids of many strings by the Rust `tokenizers` library, and pieces of every pre-tokenizer family.

    python tests/oracles/tokens.py ../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf > tests/oracles/tokens.json

The tokenizer is built here from the GGUF's vocabulary in the form of SmolLM2's own tokenizer.json (Digits, then ByteLevel with its
built-in expression): a different form from the program's, with the same ids.
"""
import json
import random
import sys
import zlib

from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

SENTENCES = """The quick brown fox jumps over the lazy dog.|I'm sure they'll say we've been here, don't you think it's HE'S?|Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.
Voix ambiguë d'un cœur qui, au zéphyr, préfère les jattes de kiwis.|El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; añoraba a su querido cachorro.
Съешь же ещё этих мягких французских булок, да выпей чаю.|Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.|Pchnąć w tę łódź jeża lub ośm skrzyń fig.|いろはにほへと ちりぬるを わかよたれそ つねならむ|天地玄黃,宇宙洪荒。日月盈昃,辰宿列張。
다람쥐 헌 쳇바퀴에 타고파|نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر|דג סקרן שט בים מאוכזב ולפתע מצא לו חברה|ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले|เป็นมนุษย์สุดประเสริฐเลิศคุณค่า
ಇಂದು ಬೆಂಗಳೂರಿನಲ್ಲಿ ಮಳೆ|தமிழ் மொழி மிகவும் பழமையானது|ქართული ენა ძალიან ლამაზია|Հայերեն լեզու|አማርኛ ቋንቋ ነው|ភាសាខ្មែរ|བོད་ཡིག|မြန်မာဘာသာ|Tiếng Việt có nhiều dấu thanh|ᠮᠣᠩᠭᠣᠯ|ᏣᎳᎩ|𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚|𐍈𐌰𐌹 𐌲𐌿𐍄|ﬁ ﬂ ½ ² Ⅷ ①"""
EMOJI = "😀 🙏🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵 ❤️ 👍🏿👍 🧑🏻‍💻 ☕️ 🫠 ✈ ⏰ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿".split(" ")
CODE = """def f(x):\n    return x ** 2 + 1  # square|for (let i = 0; i < 10; i++) { a[i] += `${b}`; }|<div class="a">&nbsp;</div>|SELECT * FROM t WHERE a >= 3.14 AND b != 'x';|{"key": [1, 2.5e-3, null], "é": "\\u00e9"}|#include <stdio.h>\r\nint main() { return 0; }\r\n|$ ls -la ~/src | grep -v '^d' > out.txt|\tif err != nil {\n\t\treturn err\n\t}|x = 0xDEADBEEF & ~(1 << 31)|https://example.org/a?b=c&d=%20#e""".split("|")
NUMBERS = "0 7 42 2024 3.14159 1,000,000 12345678901234567890 1e-9 50% 007 ٣٤٥ १२३ Ⅻ ½ ²³ 10:30 2024-02-29".split(" ")
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n ", "        ", "\u00a0", "\u2003", "\u3000", "\u0085", "\ufeff", "\u200b", "\u2028", "\x0b", "\x0c", "\u180e", " \t \n"]
ODD = ["\x00", "\x7f", "\u0301", "e\u0301", "\u202e", "\ufffd", "\U0010ffff", "\ue000", "'", "''s", "…", "“quoted”", "—", "¿?", "!!!", "....", "_", "__init__", "<|im_start|>", "<|im_end|>", "<|im_", "<|endoftext|>", "<repo_name>", "a<|im_end|>b", "ſ", "K", "ß", "İ", "ǅ"]


def make_strings():
    rng = random.Random(7)
    sentences = SENTENCES.replace("\n", "|").split("|")
    pool = sentences + EMOJI + CODE + NUMBERS + SPACES + ODD
    strings = list(pool) + [""]
    words = [w for s in sentences for w in s.split(" ") if w]
    while len(strings) < 1200:
        parts = []
        for _ in range(rng.randint(2, 7)):
            kind = rng.random()
            parts.append(rng.choice(words if kind < 0.45 else EMOJI if kind < 0.55 else NUMBERS if kind < 0.67 else SPACES if kind < 0.8 else ODD if kind < 0.92 else CODE))
            if rng.random() < 0.5:
                parts.append(" ")
        strings.append("".join(parts))
    return list(dict.fromkeys(strings))


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SUFFIX = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
FAMILIES = {  # llama.cpp, src/llama-vocab.cpp; tekken in the form of its tokenizer.json
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "llama-bpe": [SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST],
    "qwen2": [SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST],
    "tekken": [r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
}


def checksum(text):
    return f"{zlib.crc32(text.encode()):x}"


def main(path):
    reader = GGUFReader(path)
    field = lambda key: reader.get_field(f"tokenizer.ggml.{key}").contents()
    tokens, kinds = field("tokens"), field("token_type")
    merges = [tuple(merge.split(" ")) for merge in field("merges")]
    tokenizer = Tokenizer(BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, kind in zip(tokens, kinds) if kind == 3])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    strings = make_strings()
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in strings]
    decoded = " ".join(checksum(tokenizer.decode(row, skip_special_tokens=False)) for row in ids)
    pieces = {}
    for name, expressions in FAMILIES.items():
        splitter = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(e), "isolated") for e in expressions] + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        pieces[name] = " ".join(checksum(" ".join(piece for piece, _ in splitter.pre_tokenize_str(text))) for text in strings)
    json.dump({"strings": strings, "ids": [" ".join(map(str, row)) for row in ids], "decoded": decoded, "pieces": pieces}, sys.stdout, separators=(",", ":"), ensure_ascii=False)


main(sys.argv[1])
