"""TF-IDF of words and pairs of words, and logistic regression, as scikit-learn has them: its defaults but for the strength, which is
chosen on the dev sentences.

Usage: python tfidf.py < {"learn": [[text, label], ...], "dev": [...], "asked": [...]}
Prints {"version", "right": share of the asked ones, "dev": that of the dev ones, "strength", "seconds"}.
"""
import json, sys, time
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

job = json.load(sys.stdin)
(learn, y), (dev, dev_y), (asked, asked_y) = (zip(*job[part]) for part in ('learn', 'dev', 'asked'))
begin = time.perf_counter()
best = None
for sublinear in (False, True):
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r'\S+', sublinear_tf=sublinear)
    x = words.fit_transform(learn)
    for strength in (0.3, 1, 3, 10, 30, 100):
        model = LogisticRegression(C=strength, max_iter=2000).fit(x, y)
        score = model.score(words.transform(dev), dev_y)
        if best is None or score > best[0]:
            best = (score, strength, words, model)
score, strength, words, model = best
right = model.score(words.transform(asked), asked_y)
json.dump({'version': sklearn.__version__, 'right': right, 'dev': score, 'strength': strength, 'seconds': time.perf_counter() - begin}, sys.stdout)
