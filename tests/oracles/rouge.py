# Knows: ROUGE-L F1 of the reference package, saved for tests/pipeline/rouge.test.ts.
# Run: python tests/oracles/rouge.py > tests/oracles/rouge.json   (needs rouge-score)
import json
import random

from rouge_score import rouge_scorer

WORDS = (
    "the a of to and in shop customer bread write reply why does sky blue it's don't 40 3.5 café-free Tell ME e.g. well-known "
    "rain! (falls) \"quoted\" semi; colon: under_score e-mail x2 2x ... -- $5 100% A/B tabs\tand\nlines"
).split(" ")
random.seed(20)
texts = [" ".join(random.choice(WORDS) for _ in range(random.randint(0, 24))) for _ in range(160)]
texts += ["", "   ", "!!!", "a", "A", "a a a a", "a b a b a b", "b a", "the the the", "UPPER lower MiXeD"]
# For letters beyond ASCII we differ on purpose; the reference drops them.
texts = [t.replace("é", "e") for t in texts]
scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
pairs = [(random.choice(texts), random.choice(texts)) for _ in range(300)]
for text in texts[:60]:  # near copies, so that high scores occur too
    words = text.split(" ")
    copy = [w for w in words if random.random() > 0.15]
    pairs.append((text, " ".join(copy)))
print(json.dumps([[a, b, scorer.score(a, b)["rougeL"].fmeasure] for a, b in pairs], ensure_ascii=True))
