"""Where the Rust `tokenizers` library splits random strings, for every pre-tokenizer that the program supports.

    python tests/oracles/cuts.py > tests/oracles/cuts.json        (calls node to read src/engine/tokenizers/splitting/pre-tokenizers.ts)

The expressions are the program's own, so this compares how JavaScript and Oniguruma run them, not whether they are those of the models:
tokens.py has six families written separately. Characters are those that Unicode 14 had assigned, with many border cases: digits, white
space, marks, apostrophes, capitals. Each checksum is of the pieces of 20 strings.
"""
import json
import random
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

from tokenizers import Regex
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

TABLE = Path(__file__).parents[2] / "src/engine/tokenizers/splitting/pre-tokenizers.ts"
SPACES = list(" \n\t\r\u00a0\u0085\u2003\u3000\u2028") + ["\r\n", "  ", "   ", "\n\n", " " * 17]
SUFFIXES = ["'s", "'T", "'re", "'LL", "'", "’s", "'ſ"]
LETTERS = list("aZéßİǅſяЖΣςאب中日のアー가ㅂ𝔘ªʰ") + ["e\u0301", "क\u094d", "ﬁ"]
DIGITS = list("0159") + ["٣", "५", "²", "½", "Ⅻ", "12345", "1000000"]
SIGNS = list("!?.,:;-—_/\\()[]{}<>=+*&^%$#@~`|\"…。、！～€©") + ["😀", "🇩🇪", "\u200d", "\ufe0f", "\u200b", "\ufeff", "\x00"]
BLOCKS = [(0, 0x250), (0x250, 0x600), (0x600, 0xE00), (0xE00, 0x2000), (0x2000, 0x2C00), (0x2C00, 0xA000), (0xA000, 0xFFFE), (0x10000, 0x11000), (0x1D400, 0x1FA00)]


def any_character(rng):
    while True:
        low, high = rng.choice(BLOCKS)
        character = chr(rng.randrange(low, high))
        if unicodedata.category(character) not in ("Cn", "Cs"):
            return character


def make_strings():
    rng = random.Random(11)
    kinds = [SPACES, SUFFIXES, LETTERS, LETTERS, LETTERS, DIGITS, SIGNS, None]
    pick = lambda: (lambda kind: any_character(rng) if kind is None else rng.choice(kind))(rng.choice(kinds))
    return ["".join(pick() for _ in range(rng.randint(1, 24))) for _ in range(400)]


def main():
    program = """
        const { outputText } = require('typescript').transpileModule(require('fs').readFileSync(process.argv[1], 'utf8'), { compilerOptions: { module: 'CommonJS', target: 'ES2022' } })
        const made = { exports: {} }
        new Function('exports', outputText)(made.exports)
        console.log(JSON.stringify([...made.exports.PRE_TOKENIZERS].map(([name, { expressions }]) => [name, expressions])))
    """
    table = json.loads(subprocess.run(["node", "-e", program, str(TABLE)], cwd=TABLE.parent, capture_output=True, text=True, check=True).stdout)
    families = {}
    for name, expressions in table:
        families.setdefault(json.dumps(expressions), name)
    strings = make_strings()
    sums = {}
    for expressions, name in families.items():
        splitter = Sequence([Split(Regex(e), "isolated") for e in json.loads(expressions)] + [ByteLevel(add_prefix_space=False, use_regex=False)])
        lines = [" ".join(piece for piece, _ in splitter.pre_tokenize_str(text)) for text in strings]
        sums[name] = " ".join(f"{zlib.crc32(chr(10).join(lines[at:at + 20]).encode()):x}" for at in range(0, len(lines), 20))
    json.dump({"strings": strings, "sums": sums}, sys.stdout, separators=(",", ":"))


main()
