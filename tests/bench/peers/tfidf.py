"""TF-IDF of word unigrams and bigrams with logistic regression from scikit-learn: its defaults, except for the regularization strength,
which is chosen on the dev sentences.

Usage: python tfidf.py < {"train": [[text, label], ...], "dev": [...], "test": [...]}
Prints {"version", "right": test accuracy, "dev": dev accuracy, "strength", "seconds"}.
"""
import json, sys, time
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

job = json.load(sys.stdin)
(train, y), (dev, dev_y), (test, test_y) = (zip(*job[part]) for part in ('train', 'dev', 'test'))
begin = time.perf_counter()
best = None
for sublinear in (False, True):
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r'\S+', sublinear_tf=sublinear)
    x = words.fit_transform(train)
    for strength in (0.3, 1, 3, 10, 30, 100):
        model = LogisticRegression(C=strength, max_iter=2000).fit(x, y)
        score = model.score(words.transform(dev), dev_y)
        if best is None or score > best[0]:
            best = (score, strength, words, model)
score, strength, words, model = best
right = model.score(words.transform(test), test_y)
json.dump({'version': sklearn.__version__, 'right': right, 'dev': score, 'strength': strength, 'seconds': time.perf_counter() - begin}, sys.stdout)
