"""Whisper's network in PyTorch, with the names of OpenAI's modules, made to train on short clips.

Differences to other implementations, none of which changes the function computed:
  * the two stem convolutions are matrix products (the bfloat16 gradient of conv1d is wrong in
    PyTorch 1.13 on CPUs);
  * clips of unequal length share a batch, padding is masked exactly, so that each clip gives what
    it would give alone with its own audio_ctx;
  * encoder heads begin local (local_heads), which ends the plateau at the start of training.
Heads for training only (characters for CTC, phones per frame) are in Extra, never exported.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

SHAPE = dict(n_vocab=2274, n_audio_ctx=1500, n_audio_state=256, n_audio_head=4, n_audio_layer=12,
             n_text_ctx=448, n_text_state=256, n_text_head=4, n_text_layer=3, n_mels=80)
# where each local head of each encoder layer looks, in frames of 20 ms; other heads begin random
OFFSETS = ((-1, 1, -3), (2, -2, 4), (-4, 5, -7), (6, -9, 9), (-12, 12), (0, 16),
           (-1, 1), (-3, 3), (-6, 6), (0, -16), (-2, 2), (0,))
FUSED = hasattr(F, 'scaled_dot_product_attention')            # PyTorch 2


def sinusoids(length, channels):
    scale = torch.exp(-math.log(10000) / (channels // 2 - 1) * torch.arange(channels // 2))
    t = torch.arange(length)[:, None] * scale[None]
    return torch.cat([t.sin(), t.cos()], 1)


class Conv(nn.Module):
    """Convolution of width 3, padding 1, along time, as one matrix product."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(n_out, n_in, 3))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.uniform_(self.weight, -(3 * n_in) ** -0.5, (3 * n_in) ** -0.5)

    def forward(self, x):
        """(batch, time, channels)"""
        x = F.pad(x, (0, 0, 1, 1))
        n = (x.shape[1] - 3) // self.stride + 1
        x = torch.cat([x[:, k:k + (n - 1) * self.stride + 1:self.stride] for k in range(3)], -1)
        return F.linear(x, self.weight.transpose(1, 2).reshape(len(self.weight), -1), self.bias)


class Attention(nn.Module):
    def __init__(self, n, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(n, n)
        self.key = nn.Linear(n, n, bias=False)
        self.value = nn.Linear(n, n)
        self.out = nn.Linear(n, n)

    def split(self, x):
        b, t, n = x.shape
        return x.view(b, t, self.heads, n // self.heads).transpose(1, 2)

    def forward(self, x, source, mask, weights=False):
        """mask is added to the scores.  Returns the result and, when asked for, the attention weights."""
        q = self.split(self.query(x) * (x.shape[-1] // self.heads) ** -0.5)
        k, v = self.split(self.key(source)), self.split(self.value(source))
        if FUSED and not weights and x.is_cuda:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype), scale=1.0)
            return self.out(mixed.transpose(1, 2).reshape(x.shape)), None
        scores = torch.matmul(q, k.transpose(-1, -2)).float() + mask
        weights = scores.softmax(-1)
        mixed = torch.matmul(weights.to(v.dtype), v)
        return self.out(mixed.transpose(1, 2).reshape(x.shape)), weights


def half(x):
    """Rounded once for all the products that read it, where autocast would round for each."""
    return x.bfloat16() if x.is_cuda and torch.is_autocast_enabled() else x


class Block(nn.Module):
    def __init__(self, n, heads, cross):
        super().__init__()
        self.attn = Attention(n, heads)
        self.attn_ln = nn.LayerNorm(n)
        self.cross_attn = Attention(n, heads) if cross else None
        self.cross_attn_ln = nn.LayerNorm(n) if cross else None
        self.mlp = nn.Sequential(nn.Linear(n, 4 * n), nn.GELU(), nn.Linear(4 * n, n))
        self.mlp_ln = nn.LayerNorm(n)

    def forward(self, x, mask, source=None, source_mask=None, drop=0.0):
        look = None
        h = half(self.attn_ln(x))
        x = x + F.dropout(self.attn(h, h, mask)[0], drop, self.training)
        if self.cross_attn is not None:
            y, look = self.cross_attn(half(self.cross_attn_ln(x)), source, source_mask, True)
            x = x + F.dropout(y, drop, self.training)
        return x + F.dropout(self.mlp(half(self.mlp_ln(x))), drop, self.training), look


class Encoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        n = s['n_audio_state']
        self.conv1 = Conv(s['n_mels'], n, 1)
        self.conv2 = Conv(n, n, 2)
        self.register_buffer('positional_embedding', sinusoids(s['n_audio_ctx'], n))
        self.blocks = nn.ModuleList(Block(n, s['n_audio_head'], False)
                                    for _ in range(s['n_audio_layer']))
        self.ln_post = nn.LayerNorm(n)

    def forward(self, mel, ctx, drop=0.0):
        """mel: (batch, 2 * max ctx, 80), zero beyond 2 * ctx of each clip; ctx: frames of 20 ms."""
        pos = torch.arange(mel.shape[1], device=mel.device)
        x = F.gelu(self.conv1(mel))
        x = x * (pos[None] < 2 * ctx[:, None])[..., None]    # what conv2's own padding would be
        x = F.gelu(self.conv2(x)).float()
        x = x + self.positional_embedding[:x.shape[1]]
        mask = key_mask(ctx, x.shape[1])
        for block in self.blocks:
            x, _ = block(x, mask, drop=drop)
        return self.ln_post(x), mask


class Decoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        n = s['n_text_state']
        self.token_embedding = nn.Embedding(s['n_vocab'], n)
        self.positional_embedding = nn.Parameter(torch.randn(s['n_text_ctx'], n) * 0.02)
        self.blocks = nn.ModuleList(Block(n, s['n_text_head'], True)
                                    for _ in range(s['n_text_layer']))
        self.ln = nn.LayerNorm(n)
        nn.init.normal_(self.token_embedding.weight, std=0.05)
        with torch.no_grad():                               # neighbouring time stamps begin alike
            wave = sinusoids(1501, n) @ torch.randn(n, n) * n ** -0.5
            self.token_embedding.weight[-1501:] = 0.05 * wave / wave.std()

    def forward(self, tokens, source, source_mask, drop=0.0):
        n = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:n]
        causal = torch.full((n, n), -1e9, device=x.device).triu(1)
        looks = []
        for block in self.blocks:
            x, look = block(x, causal, source, source_mask, drop)
            looks.append(look)
        return F.linear(self.ln(x), self.token_embedding.weight), looks


class Extra(nn.Module):
    """Training only: characters (blank first) and phones from the encoder's output."""

    def __init__(self, n, chars, phones):
        super().__init__()
        self.chars = nn.Linear(n, chars)
        self.phones = nn.Linear(n, phones)


class Whisper(nn.Module):
    def __init__(self, shape=None):
        super().__init__()
        self.shape = dict(SHAPE, **(shape or {}))
        self.encoder = Encoder(self.shape)
        self.decoder = Decoder(self.shape)
        local_heads(self.encoder)


def key_mask(ctx, n):
    """(batch, 1, 1, n) to add to attention scores: nothing, or minus a lot beyond ctx."""
    return (torch.arange(n, device=ctx.device)[None] >= ctx[:, None])[:, None, None] * -1e9


@torch.no_grad()
def local_heads(encoder, gain=1.4, noise=0.3):
    """Let heads start by looking at a fixed offset.

    With p(i) = [sin(w i), cos(w i)] in x, a key that picks p(j) and a query that picks p(i)
    turned by w o score sum cos(w (i - o - j)): a peak at j = i - o.
    """
    encoder.conv2.weight *= 3
    n = encoder.positional_embedding.shape[1]
    half = n // 2
    w = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half))
    dim = n // encoder.blocks[0].attn.heads
    usable = int((w > 0.05).sum())
    pick = torch.linspace(0, usable - 1, dim // 2).round().long()
    for block, offsets in zip(encoder.blocks, OFFSETS):
        a = block.attn
        a.query.bias.zero_()
        for head, o in enumerate(offsets[:a.heads]):
            rows = head * dim + torch.arange(dim // 2)
            for lin in (a.query, a.key):
                lin.weight[head * dim:(head + 1) * dim] *= noise
            c, s = (w[pick] * o).cos() * gain, (w[pick] * o).sin() * gain
            a.key.weight[rows, pick] += gain
            a.key.weight[rows + dim // 2, pick + half] += gain
            a.query.weight[rows, pick] += c
            a.query.weight[rows, pick + half] -= s
            a.query.weight[rows + dim // 2, pick] += s
            a.query.weight[rows + dim // 2, pick + half] += c
