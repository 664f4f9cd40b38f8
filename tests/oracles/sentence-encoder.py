"""Ids and vectors of sentences by sentence-transformers, in 32-bit floats.

Usage: python sentence-encoder.py ../shared/models/all-MiniLM-L6-v2 > sentence-encoder.json
"""
import json, sys
import torch
from sentence_transformers import SentenceTransformer

m = SentenceTransformer(sys.argv[1], device='cpu', model_kwargs={'dtype': torch.float32})
texts = ["Hello world.", "hello, WORLD!", "Why is the sky blue?", "What makes the sky look blue?",
 "How is bread baked?", "", " ", "Crème brûlée à la carte", "naïve façade", "ÅNGSTRÖM straße", "今日は良い天気ですね。", "Привет, мир", "مرحبا بالعالم",
 "한국어 문장", "emoji 😀 and 👩‍👩‍👧 family", "x = 3.14 * y**2 + z_1", "don't can't won't", "e-mail: someone@example.org", "https://example.org/path?q=1&r=2",
 "tab\tand\nnew line", "null\u0000byte and \u200bzero width", "a"*150, "supercalifragilisticexpialidocious", "Internationalisierung", "Where can I buy a lamp?",
 "…ellipsis — dash “quotes”", "１２３ full width", "ﬁ ligature", "\u0301combining alone", "e\u0301 decomposed", "İstanbul I ı i", "ΣΊΣΥΦΟΣ", "$100 €5 £3 ¥7", "<b>html</b> &amp;", "C++ and C#",
 "A customer of a shop writes: The lamp that I bought came broken.", "The lamp I purchased arrived damaged.", "Dear neighbour, thank you for watering my plants.", "Thanks a lot for taking care of my plants, neighbour.",
 "The cat sat on the mat.", "A dog ran in the park.", "word "*400, "The quick brown fox jumps over the lazy dog. "*40, "Numbers: 1 22 333 4444 55555", "\u00ad soft hyphen co\u00adoperate", "हिन्दी वाक्य", "ไทย ประโยค", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕥𝕖𝕩𝕥", "中文abc混合", "~`!@#%^&*()_+-={}|[]\\:\";'<>?,./"]
vectors = m.encode(texts, normalize_embeddings=True, convert_to_numpy=True, batch_size=4)
cases = [
    {"text": text, "ids": m.tokenizer(text, truncation=True, max_length=256)["input_ids"], "vector": [round(float(x), 5) for x in vector]}
    for text, vector in zip(texts, vectors)
]
print("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]")
