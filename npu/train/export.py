#!/usr/bin/python3
"""Checkpoints -> one ggml Whisper file; and back.

    python3 export.py OUT.bin CHECKPOINT.pt... --vocab FILE [--type f16|q8_0|f32]

Several checkpoints are averaged.  The file is written beside its name and renamed.  read() gives
(shape, weights, vocabulary entries) of such a file, so that training can start from an export.

f16: matrices and convolutions f16, vectors and position tables f32.  q8_0: matrices in blocks of
32 (f16 scale, 32 signed bytes), rounded from their f16 values; convolutions stay f16.
"""
import argparse
import os
import struct

import numpy as np
import torch

import mel
from bpe import Vocab
from model import SHAPE, sinusoids

MAGIC = 0x67676D6C
FIELDS = ('n_vocab', 'n_audio_ctx', 'n_audio_state', 'n_audio_head', 'n_audio_layer', 'n_text_ctx',
          'n_text_state', 'n_text_head', 'n_text_layer', 'n_mels')
F32, F16, Q8_0 = 0, 1, 8
#        type of matrices, ftype in the header (2000: quantisation version 2)
TYPES = {'f32': (F32, 0), 'f16': (F16, 1), 'q8_0': (Q8_0, 2007)}


def average(paths):
    """(shape, mean of the networks' weights)"""
    total = None
    for path in paths:
        c = torch.load(path, map_location='cpu')
        if total is None:
            shape, total = c['shape'], {k: v.double() for k, v in c['net'].items()}
        else:
            for k, v in c['net'].items():
                total[k] += v
    return shape, {k: (v / len(paths)).float() for k, v in total.items()}


def q8_0(a):
    """float32 matrix -> bytes of its blocks."""
    x = a.astype('<f2').astype(np.float32).reshape(-1, 32)
    d = np.abs(x).max(1) / np.float32(127)
    with np.errstate(divide='ignore', invalid='ignore'):
        y = np.where(d[:, None] > 0, x / d[:, None], 0)
    block = np.empty(len(x), [('d', '<f2'), ('q', 'i1', 32)])
    block['d'] = d
    block['q'] = np.copysign(np.floor(np.abs(y) + 0.5), y)
    return block.tobytes()


def names(shape):
    """Tensor names in the usual order."""
    def norm(k):
        return [k + '.weight', k + '.bias']

    def attention(k):
        return [k + s for s in ('.query.weight', '.query.bias', '.key.weight', '.value.weight',
                                '.value.bias', '.out.weight', '.out.bias')]

    def block(k, cross):
        out = norm(k + '.attn_ln') + attention(k + '.attn')
        if cross:
            out += norm(k + '.cross_attn_ln') + attention(k + '.cross_attn')
        return out + norm(k + '.mlp_ln') + norm(k + '.mlp.0') + norm(k + '.mlp.2')

    out = ['encoder.positional_embedding'] + norm('encoder.conv1') + norm('encoder.conv2')
    for i in range(shape['n_audio_layer']):
        out += block('encoder.blocks.%d' % i, False)
    out += norm('encoder.ln_post') + ['decoder.positional_embedding', 'decoder.token_embedding.weight']
    for i in range(shape['n_text_layer']):
        out += block('decoder.blocks.%d' % i, True)
    return out + norm('decoder.ln')


def write(path, shape, weights, vocab, kind='f16'):
    matrix, ftype = TYPES[kind]
    with open(path + '.tmp', 'wb') as f:
        f.write(struct.pack('<I11i', MAGIC, *(shape[k] for k in FIELDS), ftype))
        bank = mel.filters(n_mels=shape['n_mels'])
        f.write(struct.pack('<2i', *bank.shape) + bank.astype('<f4').tobytes())
        f.write(struct.pack('<i', len(vocab.names)))
        for entry in vocab.names:
            f.write(struct.pack('<I', len(entry)) + entry)
        for name in names(shape):
            a = weights[name].detach().cpu().numpy().astype(np.float32)
            if name in ('encoder.conv1.bias', 'encoder.conv2.bias'):
                a = a[:, None]
            if a.ndim < 2 or name.endswith('positional_embedding') or a.shape[-1] == 1:
                t = F32
            else:
                t = F16 if a.ndim == 3 and matrix == Q8_0 else matrix
            raw = name.encode()
            f.write(struct.pack('<3i', a.ndim, len(raw), t))
            f.write(struct.pack('<%di' % a.ndim, *reversed(a.shape)) + raw)
            f.write(q8_0(a) if t == Q8_0 else a.astype('<f2' if t == F16 else '<f4').tobytes())
    os.replace(path + '.tmp', path)


def read(path):
    """(shape, {name: tensor}, vocabulary entries) of a file that write() made."""
    with open(path, 'rb') as f:
        data = f.read()
    head = struct.unpack_from('<I11i', data)
    if head[0] != MAGIC:
        raise SystemExit('%s: not a ggml file' % path)
    shape = dict(zip(FIELDS, head[1:11]))
    rows, cols = struct.unpack_from('<2i', data, 48)
    at = 56 + 4 * rows * cols
    n, = struct.unpack_from('<i', data, at)
    at += 4
    entries = []
    for _ in range(n):
        size, = struct.unpack_from('<I', data, at)
        entries.append(data[at + 4:at + 4 + size])
        at += 4 + size
    weights = {}
    while at < len(data):
        ndim, size, t = struct.unpack_from('<3i', data, at)
        dims = struct.unpack_from('<%di' % ndim, data, at + 12)[::-1]
        at += 12 + 4 * ndim
        name = data[at:at + size].decode()
        at += size
        count = int(np.prod(dims))
        if t == Q8_0:
            b = np.frombuffer(data, [('d', '<f2'), ('q', 'i1', 32)], count // 32, at)
            a = b['d'].astype(np.float32)[:, None] * b['q']
            at += 34 * (count // 32)
        else:
            a = np.frombuffer(data, '<f2' if t == F16 else '<f4', count, at)
            at += count * (2 if t == F16 else 4)
        a = a.astype(np.float32).reshape(dims)
        weights[name] = torch.from_numpy(a[:, 0] if name.endswith(('conv1.bias', 'conv2.bias')) else a)
    return shape, weights, entries


def vocab_of(entries):
    """The vocabulary of an exported file."""
    return Vocab(entries[:entries.index(b'<|endoftext|>')])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out')
    p.add_argument('checkpoints', nargs='+')
    p.add_argument('--vocab', required=True)
    p.add_argument('--type', default='f16', choices=sorted(TYPES))
    a = p.parse_args()
    shape, weights = average(a.checkpoints)
    weights['encoder.positional_embedding'] = sinusoids(shape['n_audio_ctx'], shape['n_audio_state'])
    write(a.out, dict(SHAPE, **shape), weights, Vocab.load(a.vocab), a.type)
    print('%s: %.1f MB from %d checkpoint(s)' % (a.out, os.path.getsize(a.out) / 1e6, len(a.checkpoints)))


if __name__ == '__main__':
    main()
