#!/usr/bin/python3
"""Word times for clips that have none, by forced alignment with the model's own character CTC.

    python3 align.py CHECKPOINT.pt PACK... [--device cuda] [--workers N]

Writes PACK.words beside each pack: one line a clip, [[start, end], ...] in samples or null.
The times guide cross-attention and let real speech be cut between words, as flite's do.
"""
import argparse
import itertools
import json
import multiprocessing
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
        s -= int(back[t, s])
    return first, last, mean


def log_mel(audio):
    return mel.log_mel(audio.astype(np.float32) / 32768, 2 * (-(-len(audio) // 320) + 2)).astype(np.float16)


def times(job):
    """[[start, end], ...] in samples of the words of a clip, or None.  job: log probabilities, text, samples."""
    logp, text, n = job
    ids = [CHARS[k] for k in text]
    if len(logp) < len(ids) + 2:
        return None
    first, last, _ = viterbi(logp.astype(np.float32), ids)
    out, at = [], 0
    for w in text.split():
        # CTC fires late in a character: a word begins a little before its first peak
        a, b = first[at], last[at + len(w) - 1]
        out.append([max(0, int(a * 320 - 960)), min(n, int(b * 320 + 960))])
        at += len(w) + 1
    for i in range(len(out) - 1):                            # neighbours meet in the middle
        if out[i][1] > out[i + 1][0]:
            out[i][1] = out[i + 1][0] = (out[i][1] + out[i + 1][0]) // 2
    return out


@torch.no_grad()
def heard(net, extra, mels, device):
    """Log probabilities of characters of a few clips, (frames, symbols) each."""
    ctx = [len(m) // 2 for m in mels]
    x = np.zeros((len(mels), 2 * min(1500, -(-max(ctx) // 8) * 8), mel.N_MELS), np.float16)
    for i, m in enumerate(mels):
        x[i, :len(m)] = m
    with torch.autocast(device, torch.bfloat16):
        y, _ = net.encoder(torch.from_numpy(x).to(device).float(), torch.tensor(ctx).to(device))
    logp = extra.chars(y.float()).log_softmax(-1).cpu().numpy().astype(np.float16)
    return [lp[:n] for lp, n in zip(logp, ctx)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint')
    p.add_argument('packs', nargs='+')
    p.add_argument('--device', default='cpu')
    p.add_argument('--workers', type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(1)
    pool = multiprocessing.Pool(a.workers)                   # before the device is touched
    c = torch.load(a.checkpoint, map_location='cpu')
    net = Whisper(c['shape'])
    net.load_state_dict(c['net'])
    extra = Extra(net.shape['n_audio_state'], len(CHARS) + 1, len(PHONES))
    extra.load_state_dict(c['extra'])
    net.eval().to(a.device)
    extra.to(a.device)
    for path in a.packs:
        path = path[:-6] if path.endswith('.jsonl') else path
        pack = Pack(path)
        todo = sorted((i for i, k in enumerate(pack.clips) if not k.get('words') and k['n'] < 29.9 * RATE),
                      key=lambda i: pack.clips[i]['n'])
        mels = pool.imap(log_mel, (pack.audio(pack.clips[i]) for i in todo), 4)
        jobs = ((lp, pack.clips[i]['text'], pack.clips[i]['n'])
                for at in range(0, len(todo), 8)
                for i, lp in zip(todo[at:at + 8], heard(net, extra, list(itertools.islice(mels, 8)), a.device)))
        done = dict(zip(todo, pool.imap(times, jobs, 4)))
        with open(path + '.words.tmp', 'w') as f:
            for j in range(len(pack.clips)):
                f.write(json.dumps(done.get(j)) + '\n')
        os.replace(path + '.words.tmp', path + '.words')
        print('%s: %d clips, %.1f s mean' % (pack.name, len(done),
              sum(pack.clips[j]['n'] for j in done) / RATE / max(1, len(done))), flush=True)


if __name__ == '__main__':
    main()
