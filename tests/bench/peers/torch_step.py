"""A whole train step of the same decoder in PyTorch, eager, on the processor: forward, backward, clip, AdamW. Prints milliseconds per step,
and those of the step's matrix products alone, without attention.

Usage: python torch_step.py '{"layers": …, "width": …, "heads": …, "kvHeads": …, "headWidth": …, "feedForward": …, "vocabulary": …}' rows length steps threads
Written for speed: fused q, k, v; torch's own attention, rms_norm and cross-entropy; the fused AdamW.
"""
import json, sys, time
import torch
import torch.nn.functional as F

size, rows, length, steps, threads = json.loads(sys.argv[1]), *map(int, sys.argv[2:6])
torch.set_num_threads(threads)
torch.manual_seed(1)
L, C, H, HK, D, FF, V = (size[name] for name in ('layers', 'width', 'heads', 'kvHeads', 'headWidth', 'feedForward', 'vocabulary'))


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = torch.nn.Linear(C, (H + 2 * HK) * D, bias=False)
        self.out = torch.nn.Linear(H * D, C, bias=False)
        self.gate_up = torch.nn.Linear(C, 2 * FF, bias=False)
        self.down = torch.nn.Linear(FF, C, bias=False)
        self.norm1 = torch.nn.Parameter(torch.ones(C))
        self.norm2 = torch.nn.Parameter(torch.ones(C))

    def forward(self, x, cos, sin):
        q, k, v = self.qkv(F.rms_norm(x, (C,), self.norm1, 1e-5)).split([H * D, HK * D, HK * D], -1)
        q, k, v = (t.view(rows, length, -1, D).transpose(1, 2) for t in (q, k, v))
        rotate = lambda t: t * cos + torch.cat([-t[..., D // 2:], t[..., :D // 2]], -1) * sin
        a = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
        x = x + self.out(a.transpose(1, 2).reshape(rows, length, H * D))
        gate, up = self.gate_up(F.rms_norm(x, (C,), self.norm2, 1e-5)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Student(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, C)
        # Initialized like ours. With PyTorch's default deviation of 1, a tied head has gradients that are subnormal floats, which are slow.
        torch.nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(L))
        self.norm = torch.nn.Parameter(torch.ones(C))
        angle = torch.arange(length)[:, None] / 10_000 ** (torch.arange(D // 2) * 2 / D)[None, :]
        self.register_buffer('cos', torch.cat([angle, angle], -1).cos())
        self.register_buffer('sin', torch.cat([angle, angle], -1).sin())

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.rms_norm(x, (C,), self.norm, 1e-5) @ self.embedding.weight.T


def measure(fused):
    model = Student()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=fused)
    tokens = torch.tensor([[(row * 131 + i * i * 7) % V for i in range(length + 1)] for row in range(rows)])
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(tokens[:, :-1]).reshape(-1, V), tokens[:, 1:].reshape(-1)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append((time.perf_counter() - start) * 1000)
    return times[2:]


def measure_products():
    sizes = [(C, V)] + [size for _ in range(L) for size in ((C, (H + 2 * HK) * D), (H * D, C), (C, FF), (C, FF), (FF, C))]
    matrices = [torch.randn(size) for size in sizes]
    inputs = {width: torch.randn(rows * length, width) for width in {k for k, _ in sizes}}
    times = []
    for _ in range(9):
        start = time.perf_counter()
        for w in matrices:
            x = inputs[w.shape[0]]
            y = x @ w
            y @ w.T
            x.T @ y
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times[2:])[3]


print(json.dumps({'version': torch.__version__, 'times': measure(True), 'products': measure_products()}))
