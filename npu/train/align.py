#!/usr/bin/python3
"""Word times for clips that have none, by forced alignment with the model's own character CTC.

    python3 align.py CHECKPOINT.pt PACK...

Writes PACK.words beside each pack: one line a clip, [[start, end], ...] in samples or null.
The times guide cross-attention and let real speech be cut between words, as flite's do.
"""
import argparse
import json
import os

import numpy as np
import torch

import mel
from batches import CHARS, PHONES
from model import Extra, Whisper
from pack import RATE, Pack


def viterbi(logp, chars):
    """(frames, symbols) log probabilities, character ids -> frame of each character, mean score."""
    states = np.zeros(2 * len(chars) + 1, int)
    states[1::2] = chars
    skip = np.zeros(len(states), bool)
    skip[2:] = (states[2:] != 0) & (states[2:] != states[:-2])
    emit = logp[:, states]
    score = np.full(len(states), -1e9, np.float32)
    score[:2] = emit[0, :2]
    back = np.zeros(emit.shape, np.int8)
    for t in range(1, len(emit)):
        options = np.stack([score, np.r_[-1e9, score[:-1]],
                            np.where(skip, np.r_[-1e9, -1e9, score[:-2]], -1e9)])
        back[t] = options.argmax(0)
        score = options.max(0) + emit[t]
    s = len(states) - 1 if score[-1] > score[-2] else len(states) - 2
    mean = score[s] / len(emit)
    first, last = np.full(len(chars), -1), np.full(len(chars), -1)
    for t in range(len(emit) - 1, -1, -1):
        if s % 2:
            last[s // 2] = max(last[s // 2], t)
            first[s // 2] = t
        s -= back[t, s]
    return first, last, mean


@torch.no_grad()
def align(net, extra, clips, audios):
    ctx = [-(-len(x) // 320) + 2 for x in audios]
    m = np.zeros((len(audios), 2 * max(ctx), mel.N_MELS), np.float32)
    for i, x in enumerate(audios):
        m[i, :2 * ctx[i]] = mel.log_mel(x.astype(np.float32) / 32768, 2 * ctx[i])
    with torch.autocast('cpu', torch.bfloat16):
        x, _ = net.encoder(torch.from_numpy(m), torch.tensor(ctx))
    logp = extra.chars(x.float()).log_softmax(-1).numpy()
    for c, n, lp in zip(clips, ctx, logp):
        ids = [CHARS[k] for k in c['text']]
        if n < len(ids) + 2:
            yield None
            continue
        first, last, _ = viterbi(lp[:n], ids)
        times, at = [], 0
        for w in c['text'].split():
            # CTC fires late in a character: a word begins a little before its first peak
            a, b = first[at], last[at + len(w) - 1]
            times.append([max(0, int(a * 320 - 960)), min(c['n'], int(b * 320 + 960))])
            at += len(w) + 1
        for i in range(len(times) - 1):                      # neighbours meet in the middle
            if times[i][1] > times[i + 1][0]:
                times[i][1] = times[i + 1][0] = (times[i][1] + times[i + 1][0]) // 2
        yield times


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint')
    p.add_argument('packs', nargs='+')
    a = p.parse_args()
    torch.set_num_threads(1)
    c = torch.load(a.checkpoint, map_location='cpu')
    net = Whisper(c['shape'])
    net.load_state_dict(c['net'])
    extra = Extra(net.shape['n_audio_state'], len(CHARS) + 1, len(PHONES))
    extra.load_state_dict(c['extra'])
    net.eval()
    for path in a.packs:
        path = path[:-6] if path.endswith('.jsonl') else path
        pack = Pack(path)
        done = {}
        todo = sorted((i for i, k in enumerate(pack.clips) if not k.get('words')),
                      key=lambda i: pack.clips[i]['n'])
        for i in range(0, len(todo), 8):
            group = [pack.clips[j] for j in todo[i:i + 8]]
            for j, t in zip(todo[i:i + 8], align(net, extra, group, [pack.audio(k) for k in group])):
                done[j] = t
        with open(path + '.words.tmp', 'w') as f:
            for j in range(len(pack.clips)):
                f.write(json.dumps(done.get(j)) + '\n')
        os.replace(path + '.words.tmp', path + '.words')
        print('%s: %d clips, %.1f s mean' % (pack.name, len(done),
              sum(pack.clips[j]['n'] for j in done) / RATE / max(1, len(done))), flush=True)


if __name__ == '__main__':
    main()
