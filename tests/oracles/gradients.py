"""PyTorch's numbers for the cases of src/engine/checks/op-cases.ts: outputs and gradients of every op.

Usage: python gradients.py > gradients.json
The loss of a case is the sum of its output times makeNumbers(count, 99); inputs are makeNumbers(count, index + 1, scale, offset).
"""
import json, math, sys
import torch
import torch.nn.functional as F


def numbers(shape, seed, scale=1.0, offset=0.0):
    count = math.prod(shape)
    flat = [offset + scale * math.sin(12.9898 * (i + 1) + 78.233 * seed) for i in range(count)]
    return torch.tensor(flat, dtype=torch.float32).reshape(shape)


def rms(x, w, eps=1e-5):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


def rotary(x):
    angles = torch.tensor([0.3 * i for i in range(8)]).reshape(4, 2)[[0, 1, 3]]
    cos, sin = angles.cos(), angles.sin()
    a, b = x[..., :2], x[..., 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def skip(a, b, w):
    return rms(a + b, w) + (a + b) * (a + b)


def split(x):
    a, _, c = x.split(2, 1)
    return a * c


def scatter_elements(x, u):
    return x.scatter_add(1, torch.tensor([[3, 3], [0, 1]]), u)


def scatter_nd(x, u):
    return x.index_add(0, torch.tensor([2, 0, 2]), u)


def cross_entropy(hidden, head, smoothing=0.0):
    x = hidden @ head.T
    weights = torch.tensor([0.5, 0, 0.25, 0.25])
    return (F.cross_entropy(x, torch.tensor([4, 0, 2, 2]), reduction='none', label_smoothing=smoothing) * weights).sum()


def distillation(kind, temperature=2.0, share=0.25):
    def build(hidden, head):
        x = hidden @ head.T
        ids = torch.tensor([[4, 0], [0, 1], [2, 3], [1, 4]])
        p = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.6, 0.25, 0.15], [0.4, 0.4, 0.2]])
        q = (x / temperature).softmax(-1).gather(1, ids)
        q = torch.cat([q, 1 - q.sum(-1, keepdim=True)], -1)
        m = (p + q) / 2
        kl = lambda a, b: (a * (a / b).log()).sum(-1)
        soft = {'forward-kl': kl(p, q), 'reverse-kl': kl(q, p), 'jensen-shannon': (kl(p, m) + kl(q, m)) / 2}[kind]
        text = F.cross_entropy(x, torch.tensor([4, 0, 2, 2]), reduction='none')
        return (((1 - share) * temperature ** 2 * soft + share * text) * torch.tensor([0.5, 0, 0.25, 0.25])).sum()
    return build


P = ([2, 3], 0.8, 1.5)
X = ([2, 3],)
CASES = {
    'neg': ([X], torch.neg), 'exp': ([X], torch.exp), 'log': ([P], torch.log), 'sqrt': ([P], torch.sqrt),
    'reciprocal': ([P], torch.reciprocal), 'sigmoid': ([X], torch.sigmoid), 'tanh': ([X], torch.tanh), 'abs': ([X], torch.abs),
    'relu': ([X], torch.relu), 'erf': ([X], torch.erf), 'pow': ([P], lambda x: x.pow(2.5)), 'clip': ([X], lambda x: x.clamp(-0.5, 0.4)),
    'add, broadcast': ([X, ([3],)], torch.add), 'sub, broadcast both ways': ([([2, 1],), ([1, 3],)], torch.sub),
    'mul, broadcast': ([([2, 2, 3],), ([2, 1],)], torch.mul), 'div, broadcast': ([X, ([2, 1], 0.5, 1.5)], torch.div),
    'maximum': ([X, ([3], 0.3)], torch.maximum), 'minimum': ([X, ([3], 0.3)], torch.minimum),
    'where': ([X, ([3],)], lambda a, b: torch.where(a * a < 0.4, a, b)),
    'identity and cast': ([X], lambda x: x * (x < 0.2).float()),
    'a value used three times': ([X], lambda x: x * x + x * x.exp()),
    'detach': ([X], lambda x: x * x.exp().detach()),
    'matrix product': ([X, ([3, 4],)], torch.matmul), 'stack times one matrix': ([([2, 2, 3],), ([3, 4],)], torch.matmul),
    'stack times stack, broadcast': ([([2, 2, 2, 3],), ([2, 1, 3, 2],)], torch.matmul),
    'gemm': ([X, ([3, 4],)], torch.matmul), 'gemm, first transposed': ([([3, 2],), ([3, 4],)], lambda a, b: a.T @ b),
    'gemm, second transposed': ([X, ([4, 3],)], lambda a, b: a @ b.T), 'gemm, both transposed': ([([3, 2],), ([4, 3],)], lambda a, b: a.T @ b.T),
    'reduceSum': ([([2, 3, 2],)], lambda x: x.sum((0, 2))), 'reduceMean': ([([2, 3, 2],)], lambda x: x.mean(1, keepdim=True)),
    'reduceMax': ([([2, 3, 2],)], lambda x: x.amax(1)), 'reduceSumSquare': ([([2, 3, 2],)], lambda x: x.pow(2).sum((0, 2), keepdim=True)),
    'expand': ([([2, 1, 3],)], lambda x: x.expand(2, 2, 4, 3)), 'reshape': ([X], lambda x: x.reshape(3, -1)),
    'squeeze and unsqueeze': ([([2, 1, 3],)], lambda x: x.squeeze(1)[None, ..., None]), 'transpose': ([([2, 3, 4],)], lambda x: x.permute(2, 0, 1)),
    'softmax': ([([2, 4], 2)], lambda x: x.softmax(-1)), 'softmax over the first axis': ([([3, 2],)], lambda x: x.softmax(0)),
    'concat': ([X, ([2, 2],)], lambda a, b: torch.cat([a, b, a], 1)), 'split with an unused part': ([([2, 6],)], split),
    'slice': ([([4, 5],)], lambda x: x[1:3, -3:-1]), 'gather with a repeated row': ([([4, 3],)], lambda x: x[torch.tensor([[3, 1], [3, 0]])]),
    'gatherElements': ([([2, 4],)], lambda x: x.gather(1, torch.tensor([[3, 3], [0, 1]]))),
    'scatterElements that adds': ([([2, 4],), ([2, 2],)], scatter_elements), 'scatterND that adds': ([([4, 3],), ([3, 3],)], scatter_nd),
    'RMS norm': ([([3, 4],), ([4], 0.3, 1)], rms), 'sum and RMS norm': ([([1, 3, 4],), ([1, 3, 4],), ([4], 0.3, 1)], skip),
    'rotary embedding': ([([1, 2, 3, 4],)], rotary), 'cross-entropy': ([([4, 3], 3), ([5, 3],)], cross_entropy),
    'cross-entropy with label smoothing': ([([4, 3], 3), ([5, 3],)], lambda x, head: cross_entropy(x, head, 0.2)),
    **{f'distillation, {kind}': ([([4, 3], 1.5), ([5, 3],)], distillation(kind)) for kind in ('forward-kl', 'reverse-kl', 'jensen-shannon')},
    'SwiGLU': ([([3, 4], 2), ([3, 4],)], lambda gate, up: F.silu(gate) * up),
}

results = {}
for name, (inputs, build) in CASES.items():
    xs = [numbers(shape, i + 1, *rest).requires_grad_() for i, (shape, *rest) in enumerate(inputs)]
    y = build(*xs)
    loss = (y * numbers(list(y.shape), 99)).sum()
    loss.backward()
    results[name] = {'loss': loss.item(), 'output': y.flatten().tolist(), 'gradients': [x.grad.flatten().tolist() for x in xs]}
json.dump({'torch': torch.__version__, 'cases': results}, sys.stdout, separators=(',', ':'))
