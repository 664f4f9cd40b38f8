"""Six steps of on-policy distillation (GKD, Agarwal et al. 2023) in PyTorch: on texts, and on answers of a student that are computed by
a formula; the teacher is a formula too, has its own token ids, and scores whole sequences of these.

Usage: python on-policy.py > on-policy.json
The decoder, its weights, learning rates and rows are those of train-step.py; teacher, top-k and remaining mass are written again here.
"""
import json, pathlib, sys

exec(pathlib.Path(__file__).with_name('train-step.py').read_text().split('# torch\'s own Newton-Schulz')[0])

TEMPERATURE, TOP_K, MISSING, OWN = 1.5, 5, 60, (2, 3, 5)


def teacher_id(token):
    """The teacher's id of a student's token; it has none for the last one."""
    return (7 * token + 3) % V


def answers_of(step):
    """A row's prompt and the student's answer; the answer of row 1 has a token in its middle that the teacher does not have."""
    for r, (tokens, prompt) in enumerate(rows_of(step)):
        answer = [(11 * tokens[i] + 3 * step + r * i) % MISSING for i in range(3 + (step + r) % 4)]
        yield tokens[:prompt], answer[:2] + [MISSING] + answer[2:] if r == 1 else answer


def distribution(tokens):
    """The teacher's probabilities of the student's tokens after these tokens (ids of the student); 0 for tokens it does not have."""
    p, last = len(tokens), teacher_id(tokens[-1])
    z = torch.tensor([3 * math.sin(12.9898 * (teacher_id(s) + 1) + 78.233 * p + 0.37 * last) for s in range(V)], dtype=torch.float64)
    z[MISSING] = -math.inf
    return torch.softmax(z / TEMPERATURE, -1)


def learn(kind):
    reset()
    optimizers = [adam_w([w for w in W.values() if w.dim() == 2], DECAY), adam_w([w for w in W.values() if w.dim() == 1], 0.0)]
    losses, norm_list, counts = [], [], []
    for step in range(1, 7):
        rows = []
        if step in OWN:
            for prompt, answer in answers_of(step):
                rows.append((prompt + (answer[:answer.index(MISSING) + 1] if MISSING in answer else answer), len(prompt)))
        else:
            rows = [([t % MISSING for t in tokens], prompt) for tokens, prompt in rows_of(step)]
        ids = torch.zeros(B, T, dtype=torch.long)
        for r, (tokens, _) in enumerate(rows):
            ids[r, :len(tokens) - 1] = torch.tensor(tokens[:-1])
        logits = forward(ids)
        total, count = 0.0, 0
        for r, (tokens, prompt) in enumerate(rows):
            for at in range(prompt, len(tokens)):
                p, best = distribution(tokens[:at]).topk(TOP_K)
                p = torch.cat([p, 1 - p.sum()[None]]).float()
                q = torch.softmax(logits[r, at - 1] / TEMPERATURE, -1)[best]
                q = torch.cat([q, 1 - q.sum()[None]])
                m = (p + q) / 2
                kl = lambda a, b: (a * (a / b).log()).sum()
                total = total + TEMPERATURE ** 2 * {'forward-kl': lambda: kl(p, q), 'reverse-kl': lambda: kl(q, p), 'jensen-shannon': lambda: (kl(p, m) + kl(q, m)) / 2}[kind]()
                count += 1
        loss = total / count
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(W.values()), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
            optimizer.step()
        losses.append(loss.item())
        norm_list.append(norm.item())
        counts.append(count)
    return {'losses': losses, 'norms': norm_list, 'counts': counts, 'final': {name: W[name].flatten()[:8].tolist() for name in ('embedding', '1.qkv', '1.down', 'norm')}}


json.dump({'torch': torch.__version__, **{kind: learn(kind) for kind in ('forward-kl', 'reverse-kl', 'jensen-shannon')}}, sys.stdout, separators=(',', ':'))
