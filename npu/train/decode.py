#!/usr/bin/python3
"""Greedy decoding in PyTorch, to judge a model without the engine.

    python3 decode.py MODEL.bin|CHECKPOINT.pt[,CHECKPOINT.pt...] --vocab FILE PACK... [--limit N] [--show N]

Prints word and character error rates by source.  Files named .wav or .flac may stand for packs.
"""
import argparse
import collections
import os

import numpy as np
import torch

import mel
from bpe import Vocab
from export import average, read, vocab_of
from model import Whisper
from pack import Pack
from style import plain


def distance(a, b):
    """Edit distance of two sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def load_model(spec, vocab_path=None):
    if spec.endswith('.bin'):
        shape, weights, entries = read(spec)
        vocab = vocab_of(entries)
    else:
        shape, weights = average(spec.split(','))
        vocab = Vocab.load(vocab_path)
    net = Whisper(shape)
    net.load_state_dict(weights, strict=False)
    return net.eval(), vocab


def clips_of(paths):
    """(audio as float, reference, source) of every clip of packs and sound files."""
    for path in paths:
        if path.endswith(('.wav', '.flac')):
            import soundfile
            ref = os.path.splitext(path)[0] + '.txt'
            yield (soundfile.read(path, dtype='float32')[0],
                   plain(open(ref).read()) if os.path.exists(ref) else '', os.path.basename(path))
        else:
            pack = Pack(path)
            for c in pack.clips:
                yield pack.audio(c).astype(np.float32) / 32768, c['text'], c['source']


@torch.no_grad()
def transcribe(net, vocab, audios, limit=200, slack=4):
    """Texts of a few clips (each at most 30 s), without time stamps."""
    ctx = [min(1500, -(-len(x) // 320) + slack) for x in audios]
    m = np.zeros((len(audios), 2 * max(ctx), mel.N_MELS), np.float32)
    for i, x in enumerate(audios):
        m[i, :2 * ctx[i]] = mel.log_mel(x, 2 * ctx[i])
    source, mask = net.encoder(torch.from_numpy(m), torch.tensor(ctx))
    tokens = torch.tensor([[vocab.sot, vocab.notimestamps]] * len(audios))
    done = torch.zeros(len(audios), dtype=torch.bool)
    for _ in range(limit):
        logits = net.decoder(tokens, source, mask)[0][:, -1]
        logits[:, vocab.sot:] = -1e9
        new = logits.argmax(-1)
        new[done] = vocab.eot
        done |= new == vocab.eot
        tokens = torch.cat([tokens, new[:, None]], 1)
        if done.all():
            break
    return [vocab.decode(t[2:].tolist()) for t in tokens]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('model')
    p.add_argument('inputs', nargs='+')
    p.add_argument('--vocab')
    p.add_argument('--limit', type=int, default=10 ** 9, help='clips of each input')
    p.add_argument('--show', type=int, default=0, help='transcripts to print')
    a = p.parse_args()
    torch.set_num_threads(1)
    net, vocab = load_model(a.model, a.vocab)
    errors = collections.defaultdict(lambda: np.zeros(4, int))
    shown = 0
    for path in a.inputs:
        todo = [c for c in clips_of([path]) if len(c[0]) < 30 * mel.RATE][:a.limit]
        todo.sort(key=lambda c: len(c[0]))
        for i in range(0, len(todo), 16):
            group = todo[i:i + 16]
            for (x, ref, source), hyp in zip(group, transcribe(net, vocab, [c[0] for c in group])):
                w, h = ref.split(), plain(hyp).split()
                for k in (source, 'all of ' + os.path.basename(path)):
                    errors[k] += (distance(w, h), len(w), distance(ref, ' '.join(h)), len(ref))
                if shown < a.show:
                    shown += 1
                    print('%-12s %s\n%12s %s' % (source, ref, '->', hyp))
    print('%-36s %6s %6s %6s' % ('source', 'words', 'WER', 'CER'))
    for k in sorted(errors):
        e = errors[k]
        print('%-36s %6d %6.1f %6.1f' % (k, e[1], 100 * e[0] / max(1, e[1]), 100 * e[2] / max(1, e[3])))


if __name__ == '__main__':
    main()
