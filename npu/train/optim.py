"""Optimisers: AdamW for everything, or Muon for the matrices of the blocks and AdamW for the rest.

Muon (K. Jordan, 2024) steps along the momentum with its singular values made equal; that takes
fewer steps to the same loss than Adam.  Its matrix products cost as much as half a small batch, so
each matrix can take its turn every few steps only, while its momentum takes in every gradient.
"""
import torch

# odd polynomial whose iteration sends all singular values of a normalised matrix towards 1
A, B, C = 3.4445, -4.7750, 2.0315


def orthogonal(g, rounds, dtype):
    """(batch, rows, cols), rows <= cols: nearly the orthogonal factor of each."""
    x = (g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(dtype)
    for _ in range(rounds):
        s = x @ x.transpose(1, 2)
        x = A * x + (B * s + C * (s @ s)) @ x
    return x.float()


class Muon:
    def __init__(self, params, lr, decay=0.05, momentum=0.95, rounds=4, every=1,
                 dtype=torch.bfloat16):
        self.params = list(params)
        self.base, self.decay, self.momentum, self.rounds, self.dtype = lr, decay, momentum, rounds, dtype
        self.every, self.count = every, 0
        self.state = [torch.zeros_like(p) for p in self.params]
        self.shapes = {}
        for i, p in enumerate(self.params):                 # wide ones are stored lying down
            key = tuple(sorted(p.shape))
            self.shapes.setdefault(key, []).append(i)

    @torch.no_grad()
    def step(self, scale):
        lr = self.base * scale * self.every ** 0.7
        self.count += 1
        torch._foreach_mul_(self.state, self.momentum)
        torch._foreach_add_(self.state, [p.grad for p in self.params])
        for members in self.shapes.values():
            members = members[self.count % self.every::self.every]
            if not members:
                continue
            params = [self.params[i] for i in members]
            flat = [p.shape[0] <= p.shape[1] for p in params]
            grads = torch._foreach_add([p.grad for p in params], [self.state[i] for i in members],
                                       alpha=self.momentum)
            lying = torch.stack([g if f else g.t() for g, f in zip(grads, flat)])
            turn = orthogonal(lying, self.rounds, self.dtype)
            steps = [u if f else u.t() * max(1, p.shape[0] / p.shape[1]) ** 0.5
                     for u, p, f in zip(turn, params, flat)]
            torch._foreach_mul_(params, 1 - lr * self.decay)
            torch._foreach_add_(params, steps, alpha=-lr)


class Both:
    """One optimiser to the outside: zero_grad, step(scale), state."""

    def __init__(self, net, extra, lr, muon_lr=0.0, rounds=4, every=1, decay=0.05, dtype=torch.bfloat16):
        named = list(net.named_parameters()) + list(extra.named_parameters())
        blocks = [p for n, p in named if muon_lr and p.ndim == 2 and '.blocks.' in n]
        inside = {id(p) for p in blocks}
        rest = [p for _, p in named if id(p) not in inside]
        self.muon = Muon(blocks, muon_lr, decay, rounds=rounds, every=every, dtype=dtype) if blocks else None
        self.lr = lr
        self.adam = torch.optim.AdamW([{'params': [p for p in rest if p.ndim > 1], 'weight_decay': decay},
                                       {'params': [p for p in rest if p.ndim <= 1], 'weight_decay': 0}],
                                      lr=lr, betas=(0.9, 0.98), foreach=True)
        self.waits = not named[0][1].is_cuda
        self.params = [p for _, p in named]

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def step(self, scale, clip=1.0):
        for p in self.params:                               # a part that was not used yet
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        norm = torch.nn.utils.clip_grad_norm_(self.params, clip)
        if self.waits and not torch.isfinite(norm):          # on a GPU the caller looks now and then
            return False
        for g in self.adam.param_groups:
            g['lr'] = self.lr * scale
        self.adam.step()
        if self.muon:
            self.muon.step(scale)
        return True

    def state(self):
        return {'adam': self.adam.state_dict(), 'muon': self.muon and self.muon.state}

    def load(self, state):
        self.adam.load_state_dict(state['adam'])
        if self.muon and state['muon']:
            self.muon.state = [s.to(p.device) for s, p in zip(state['muon'], self.muon.params)]
