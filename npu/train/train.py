#!/usr/bin/python3
"""Train the small model on packed corpora (prepare.py, synth.py).

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive python3 train.py --packs DIR --out DIR --vocab FILE
        --minutes 120 [--resume CHECKPOINT.pt | --init EXPORTED.bin] [--device cuda]

The schedule runs on the clock, so that a run of any length ends with a low learning rate.
Checkpoints: OUT/last.pt, and OUT/ckpt-MINUTE.pt (the last few, for averaging at export).
The curve goes to OUT/log.tsv.  --init starts from an exported f16 or f32 file.
"""
import argparse
import glob
import math
import os
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

from batches import CHARS, PHONES, Loader
from bpe import Vocab
from model import Extra, Whisper
from optim import Both
from resident import Resident, send

GUIDED = ((0, 0), (1, 0), (1, 1), (2, 0))                    # (decoder layer, head): alignment heads


def guide(looks, span, ctx):
    """-log of the attention that falls on the known place of the word, over the guided heads."""
    t = torch.arange(looks[0].shape[-1], device=span.device)
    inside = (t >= span[..., :1]) & (t < span[..., 1:])                       # (b, n, t)
    inside &= (t < ctx[:, None])[:, None]
    known = ((span[..., 0] >= 0) & inside.any(-1)).float()
    total = 0
    for layer, head in GUIDED:
        mass = (looks[layer][:, head] * inside).sum(-1)
        total = total - (mass.clamp_min(1e-6).log() * known).sum()
    return total / len(GUIDED) / known.sum().clamp_min(1)


def mistaken(tokens, share, pieces):
    """Earlier text with mistakes: in half of the rows twice that share of its pieces are others."""
    rate = 2 * share * (torch.rand(len(tokens), 1, device=tokens.device) < 0.5)
    other = torch.randint_like(tokens, pieces)
    return torch.where((torch.rand(tokens.shape, device=tokens.device) < rate) & (tokens < pieces), other, tokens)


def apart(logp, heard):
    """How far the first half of a batch is from the second, which hears the same otherwise augmented: Kullback-Leibler, both ways.

    Each is drawn towards the other as it stands (CR-CTC: Yao and others, 2024; R-Drop: Liang and others, 2021).
    """
    a, b = logp.chunk(2)
    p, q = a.detach(), b.detach()
    return ((p.exp() * (p - b) + q.exp() * (q - a)).sum(-1) * heard).sum() / 2


def losses(net, extra, b, decoder, drop, smooth=0.05, twice=False, wrong=0.0, alone=False):
    """Dictionary of losses, each per unit.  Nothing here waits for the device.

    twice: rows come twice and should be heard alike.  wrong: share of mistakes in the text so far.
    alone: characters and phones teach their own heads only.
    """
    out = {}
    pieces = net.shape['n_vocab'] - 1506                                      # end of text and what comes after
    x, mask = net.encoder(b['mel'].float(), b['ctx'], drop)
    with torch.autocast(b['mel'].device.type, enabled=False):
        x = x.float()
        y = x.detach() if alone else x
        chars = extra.chars(y).log_softmax(-1)
        out['ctc'] = F.ctc_loss(chars.transpose(0, 1), b['chars'], b['ctx_here'], b['n_chars'],
                                reduction='sum', zero_infinity=True) / int(b['n_chars'].sum().clamp_min(1))
        if twice:
            half = len(b['ctx']) // 2
            inside = torch.arange(x.shape[1], device=x.device) < b['ctx'][:half, None]
            out['apart'] = apart(chars, inside) / int(b['n_chars'][:half].sum().clamp_min(1))
        p, heard = extra.phones(y), b['phones'] >= 0
        many = heard.sum().clamp_min(1)
        out['phone'] = F.cross_entropy(p.flatten(0, 1), b['phones'].flatten(), ignore_index=-100,
                                       reduction='sum') / many
        out['phone_acc'] = ((p.argmax(-1) == b['phones']) & heard).sum() / many
    if decoder:
        logits, looks = net.decoder(mistaken(b['tokens'], wrong, pieces) if wrong else b['tokens'], x, mask, drop)
        with torch.autocast(b['mel'].device.type, enabled=False):
            logp, goal = logits.float().log_softmax(-1), b['goal']
        known = goal >= 0
        right = logp.gather(-1, goal.clamp_min(0)[..., None])[..., 0]
        out['att'] = -(((1 - smooth) * right + smooth * logp.mean(-1)) * known).sum() / known.sum()
        if twice:
            out['apart_text'] = apart(logp, known.chunk(2)[0]) / known.chunk(2)[0].sum()
        text = known & (goal <= pieces)                                       # text and the end
        out['ce'] = -(right.detach() * text).sum() / text.sum().clamp_min(1)
        out['guide'] = guide(looks, b['look'], b['ctx'])
    return out


def total(out, progress):
    """Weighted sum.  Phones lead at the start, the decoder at the end."""
    w = {'ctc': 1 - 0.6 * progress, 'phone': max(0.15, 1 - 2.5 * progress), 'att': 0.5 + 0.5 * progress,
         'guide': max(0.1, 0.5 - 0.6 * progress)}
    w['apart'], w['apart_text'] = 0.2 * w['ctc'], 0.3 * w['att']
    return sum(w[k] * v for k, v in out.items() if k in w)


def to(b, device):
    """Arrays of a batch on the device; lengths stay here as well, where CTC wants them."""
    out = {k: send(b[k], device) for k in ('ctx', 'tokens', 'goal', 'look', 'phones', 'chars')}
    out['phones'] = out['phones'].long()
    return dict(out, ctx_here=torch.from_numpy(b['ctx']), n_chars=torch.from_numpy(b['n_chars']))


def doubled(raw):
    """A batch of recipes with every row twice: the second time after all the others."""
    many = len(raw['ctx'])
    out = {k: v + v if k == 'pack' else v if k == 'strength' else np.concatenate([v, v]) for k, v in raw.items()}
    return dict(out, row=np.concatenate([raw['row'], raw['row'] + many]))


class Mean:
    """Running mean of the weights (two parts in a thousand each step): what is exported."""

    def __init__(self, net, keep=0.998):
        self.live, self.keep = list(net.parameters()), keep
        self.mean = [p.detach().clone() for p in self.live]

    def step(self):
        torch._foreach_mul_(self.mean, self.keep)
        torch._foreach_add_(self.mean, [p.detach() for p in self.live], alpha=1 - self.keep)

    def state(self, net):
        names = [n for n, _ in net.named_parameters()]
        return dict(net.state_dict(), **dict(zip(names, self.mean)))


def save(path, net, extra, opt, meta, mean=None):
    """With opt: to go on from.  Without: to be exported, the running mean of the weights when there is one."""
    c = {'net': net.state_dict(), 'extra': extra.state_dict(), 'shape': net.shape, 'meta': meta}
    if opt:
        c['opt'], c['mean'] = opt.state(), mean and mean.mean
    elif mean:
        c['net'] = mean.state(net)
    torch.save(c, path + '.tmp')
    os.replace(path + '.tmp', path)


def rate(minute, progress, a):
    """Learning-rate scale: warm-up, flat, then down to a.floor over the last part of the progress."""
    up = min(1.0, (minute + 0.02) / a.warm) if a.warm else 1.0
    return up * min(1.0, a.floor + (1 - a.floor) * max(0.0, 1 - progress) / a.down)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packs', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--vocab', required=True)
    p.add_argument('--minutes', type=float, default=120)
    p.add_argument('--steps', type=int, help='stop after so many steps')
    p.add_argument('--resume', help='checkpoint to go on from, with its optimiser')
    p.add_argument('--init', help='exported model to start from')
    p.add_argument('--from-progress', type=float, default=0.0, help='where in the curriculum to begin')
    p.add_argument('--to-progress', type=float, default=1.0, help='where in the curriculum to end')
    p.add_argument('--device', default='cpu')
    p.add_argument('--resident', type=float, default=0, metavar='HOURS',
                   help='keep that much sound on the device and render it there (resident.py)')
    p.add_argument('--mean', action='store_true', help='export the running mean of the weights')
    p.add_argument('--mean-keep', type=float, default=0.998, help='what a step leaves of the mean so far')
    p.add_argument('--decay', type=float, default=0.05, help='weight decay')
    p.add_argument('--print-every', type=float, default=30, help='seconds between lines of the log')
    p.add_argument('--refresh', type=float, default=60, help='seconds between looks for new packs')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--workers', type=int, default=1, help='loader processes')
    p.add_argument('--lr', type=float, default=7e-4)
    p.add_argument('--muon', type=float, default=0.0, help='learning rate of Muon; 0: AdamW alone')
    p.add_argument('--rounds', type=int, default=3, help='iterations of Muon')
    p.add_argument('--every', type=int, default=2, help='steps between turns of a Muon matrix')
    p.add_argument('--warm', type=float, default=1.5, help='minutes of warm-up')
    p.add_argument('--down', type=float, default=0.6, help='share of the time with falling rate')
    p.add_argument('--floor', type=float, default=0.05)
    p.add_argument('--decoder-from', type=float, default=0.03, help='progress at which the decoder joins')
    p.add_argument('--seconds', type=float, default=30, help='audio a batch at the end')
    p.add_argument('--longest', type=float, default=16, help='longest clip, seconds')
    p.add_argument('--row', type=float, default=28, help='longest row of clips at the end, seconds')
    p.add_argument('--augment', type=float, default=0.8, help='augmentation at the end')
    p.add_argument('--drop', type=float, default=0.0)
    p.add_argument('--twice', action='store_true', help='hear every clip twice, otherwise augmented, and alike (resident sound)')
    p.add_argument('--wrong', type=float, default=0.0, help='share of mistakes in the text that the decoder goes on from')
    p.add_argument('--splice', type=float, default=0.0, help='share of real clips that give way to pieces of one speaker')
    p.add_argument('--rare', type=float, default=0.0, help="share of clips of LibriSpeech's speakers with few clips")
    p.add_argument('--masks', type=float, default=1.0, help='how many times as many stretches are hidden (resident sound)')
    p.add_argument('--until', help='file that may come to hold the unix time to end at, in place of --minutes')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--keep', type=int, default=8, help='checkpoints kept')
    p.add_argument('--save-every', type=float, default=3, help='minutes between checkpoints')
    a = p.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    vocab = Vocab.load(a.vocab)
    loader = Loader(a.packs, vocab, a.seed, {'augment': a.augment, 'seconds': a.seconds, 'row': a.row,
                                             'longest': a.longest, 'resident': bool(a.resident),
                                             'refresh': a.refresh, 'splice': a.splice, 'rare': a.rare}, a.workers)
    net = Whisper({'n_vocab': vocab.n_vocab})
    extra = Extra(net.shape['n_audio_state'], len(CHARS) + 1, len(PHONES))
    state, meta = {}, {'step': 0, 'hours': 0.0, 'minutes': 0.0}
    if a.resume:
        state = torch.load(a.resume, map_location='cpu')
        net.load_state_dict(state['net'])
        extra.load_state_dict(state['extra'])
        meta = state['meta']
    elif a.init:
        from export import read
        net.load_state_dict(read(a.init)[1], strict=False)
    net.to(a.device)
    extra.to(a.device)
    opt = Both(net, extra, a.lr, a.muon, a.rounds, a.every, a.decay)
    if state.get('opt') and bool(state['opt']['muon']) == bool(opt.muon):
        opt.load(state['opt'])
    mean = Mean(net, a.mean_keep) if a.mean else None
    if mean and state.get('mean'):
        mean.mean = [m.to(a.device) for m in state['mean']]
    sound = Resident(a.packs, a.device, a.resident, a.seed, a.masks) if a.resident else None
    log = open(os.path.join(a.out, 'log.tsv'), 'a')
    if not log.tell():
        log.write('minutes\tstep\thours\tlr\tctc\tphone_acc\tce\tguide\tapart\tapart_text\tsteps_per_s\n')
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))   # save, then end
    start, before, saved = time.time(), meta['minutes'], 0.0
    sums, counts, printed, since = {}, {}, time.time(), 0
    waited = made = 0.0                                        # seconds for the loader, for the sound
    if a.device != 'cpu' and hasattr(torch.backends.cuda, 'enable_cudnn_sdp'):
        torch.backends.cuda.enable_cudnn_sdp(False)            # it plans anew for every shape
    good = None                                                # weights to go back to
    new = bool(a.init and not a.resume)                        # heads that no export holds
    minutes = planned(a, start)
    while True:
        minute = (time.time() - start) / 60
        progress = a.from_progress + (a.to_progress - a.from_progress) * min(1, minute / minutes)
        if stop or minute > minutes or (a.steps and since_start(meta, a) >= a.steps):
            break
        t0 = time.time()
        raw = loader.next(progress)
        t1 = time.time()
        waited += t1 - t0
        if sound:
            if not sound.has(raw['pack']):
                continue
            if a.twice:
                raw = doubled(raw)
            raw['mel'] = sound.features(raw)
            made += time.time() - t1
        b = to(raw, a.device)
        b['mel'] = raw['mel'] if sound else torch.from_numpy(raw['mel'])
        with torch.autocast(a.device, torch.bfloat16):
            out = losses(net, extra, b, progress >= a.decoder_from, a.drop, twice=a.twice, wrong=a.wrong, alone=new and minute < a.warm)
        opt.zero_grad()
        total(out, progress).backward()
        scale = rate(minute, progress, a)
        if not opt.step(scale):
            print('step %d: not finite, skipped' % meta['step'], flush=True)
        if mean:
            mean.step()
        meta['step'] += 1
        meta['hours'] += float(raw['ctx'].sum()) / 50 / 3600
        meta['minutes'] = before + minute
        since += 1
        for k, v in out.items():
            sums[k] = sums.get(k, 0.0) + v.detach()
            counts[k] = counts.get(k, 0) + 1
        if time.time() - printed > a.print_every or (a.steps and a.steps < 100 and since >= 10):
            m = {k: float(sums[k]) / counts[k] for k in sums}
            log.write('%.2f\t%d\t%.2f\t%.5f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.2f\n' % (
                meta['minutes'], meta['step'], meta['hours'], scale, m.get('ctc', 0),
                m.get('phone_acc', 0), m.get('ce', 0), m.get('guide', 0), m.get('apart', 0), m.get('apart_text', 0),
                since / (time.time() - printed)))
            log.flush()
            print('%.2f min: loader %.0f%%, sound %.0f%%, batch %s' % (
                minute, *(100 * t / (time.time() - printed) for t in (waited, made)), tuple(b['mel'].shape)), flush=True)
            waited = made = 0.0
            sums, counts, printed, since = {}, {}, time.time(), 0
            minutes = planned(a, start)
            if sound and all(map(math.isfinite, m.values())):
                good = [p.detach().clone() for p in opt.params]
            elif sound and good:
                print('step %d: not finite, back to the last reading' % meta['step'], flush=True)
                with torch.no_grad():
                    torch._foreach_copy_(opt.params, good)
                opt = Both(net, extra, a.lr, a.muon, a.rounds, a.every, a.decay)
                mean = Mean(net, a.mean_keep) if a.mean else None
        if minute - saved > a.save_every:
            saved = minute
            save(os.path.join(a.out, 'last.pt'), net, extra, opt, meta, mean)
            save(os.path.join(a.out, 'ckpt-%06.1f.pt' % meta['minutes']), net, extra, None, meta, mean)
            for old in sorted(glob.glob(os.path.join(a.out, 'ckpt-*.pt')))[:-a.keep]:
                os.remove(old)
    save(os.path.join(a.out, 'last.pt'), net, extra, opt, meta, mean)
    save(os.path.join(a.out, 'ckpt-%06.1f.pt' % meta['minutes']), net, extra, None, meta, mean)
    loader.stop()


def planned(a, start):
    """Minutes to train from start on: what the file --until says, once it is there."""
    if a.until and os.path.exists(a.until):
        with open(a.until) as f:
            return max(0.01, (float(f.read()) - start) / 60)
    return a.minutes


def since_start(meta, a):
    a.first = getattr(a, 'first', None)
    if a.first is None:
        a.first = meta['step']
    return meta['step'] - a.first


if __name__ == '__main__':
    main()
