"""All sound in the memory of the training device, rendered and augmented there: a GPU hears tens of
thousands of seconds a second, which no loader process could feed.

What augment.py does to one clip in numpy is done here to a whole batch in PyTorch: same operations,
same ranges, other random numbers.  No call waits for the device.
"""
import glob
import os

import numpy as np
import torch

import augment
import mel
from pack import RATE

STRETCH = 31 * RATE                                           # of each noise in the bank
MASKS = 24                                                    # stretches hidden in a row at most


def send(array, device):
    """A numpy array on the device, without waiting for what the device is doing."""
    t = torch.from_numpy(array)
    return t.pin_memory().to(device, non_blocking=True) if device != 'cpu' else t


class Resident:
    def __init__(self, folder, device, hours, seed=1, masks=1.0):
        """hours: room for so much sound.  masks: how many times as many stretches are hidden as in augment.py."""
        self.folder, self.device, self.masks = folder, device, masks
        self.store = torch.zeros(int(hours * 3600 * RATE) + 2, dtype=torch.int16, device=device)
        self.at, self.full = {}, 0
        self.r = np.random.default_rng(seed)
        self.noise = None
        bank = np.stack([augment.BANKS[k] for k in sorted(augment.BANKS)])
        self.banks = torch.from_numpy(bank).to(device)
        self.plain = sorted(augment.BANKS).index(1.0)
        # the front end's Fourier transform as one product: a plan for every new shape of batch costs more
        turn = 2 * np.pi / mel.N_FFT * np.outer(np.arange(mel.N_FFT), np.arange(mel.N_FFT // 2 + 1))
        fourier = np.concatenate([np.cos(turn), np.sin(turn)], 1) * mel.WINDOW[:, None]
        self.fourier = torch.from_numpy(fourier.astype(np.float32)).to(device)
        hz = mel.mel_to_hz(np.linspace(0, mel.hz_to_mel(RATE / 2), mel.N_MELS + 2))[1:-1]
        self.hz = torch.tensor(hz, dtype=torch.float32, device=device)
        self.refresh()

    def refresh(self, most=1 << 30):
        """Copy packs that appeared since to the device."""
        for path in sorted(glob.glob(os.path.join(self.folder, '*.jsonl'))):
            name = os.path.basename(path)[:-6]
            if name in self.at or name.startswith('eval') or most <= 0:
                continue
            pcm = np.fromfile(path[:-6] + '.pcm', '<i2')
            if self.full + len(pcm) + 1 > len(self.store):
                self.at[name] = None                          # no room: its clips are silence to us
                continue
            self.store[self.full:self.full + len(pcm)] = torch.from_numpy(pcm).to(self.device)
            self.at[name] = self.full
            self.full += len(pcm)
            most -= 1
        if self.noise is None:
            self.noise = self.noises(os.path.join(self.folder, 'noise.npz'))

    def has(self, names):
        """Whether every pack named is here (refreshes when not)."""
        if any(n not in self.at for n in names):
            self.refresh()
        return all(self.at.get(n) is not None for n in names)

    def noises(self, path):
        """(noises, STRETCH) of deviation 1: recordings end to end with themselves, then made ones."""
        rows = [np.resize(v.astype(np.float32), STRETCH) for v in np.load(path).values()] \
            if os.path.exists(path) else []
        self.recorded = len(rows)
        rows += [augment.coloured(self.r, STRETCH) for _ in range(48)]
        return torch.from_numpy(np.stack([x / (x.std() + 1e-9) for x in rows]).astype(np.float32)).to(self.device)

    def uniform(self, low, high, *size):
        return send(self.r.uniform(low, high, size).astype(np.float32), self.device)

    def chosen(self, share, n):
        """Rows picked with probability share, as indices on the device."""
        return send(np.flatnonzero(self.r.random(n) < share), self.device)

    def speech(self, b, rows, length):
        """(rows, length) of the clips in their places, scale 1, and the level of the speech (rows, 1)."""
        dev = self.device
        audio = torch.zeros(rows * length, device=dev)
        power, count = torch.zeros(rows, device=dev), torch.zeros(rows, device=dev)
        if len(b['row']):
            out = send(b['out'], self.device)
            total = int(b['out'].sum())
            seg = torch.repeat_interleave(torch.arange(len(b['out']), device=dev), out, output_size=total)
            k = torch.arange(total, device=dev) - (torch.cumsum(out, 0) - out)[seg]
            source = torch.tensor([self.at[p] for p in b['pack']], dtype=torch.int64) + torch.from_numpy(b['at'])
            pos = k.double() * send(b['factor'], self.device)[seg]
            i = pos.floor()
            part = (pos - i).float()
            i = i.long() + source.to(dev)[seg]
            x = self.store[i].float()
            x = (x + (self.store[i + 1].float() - x) * part) / 32768
            row = send(b['row'], self.device)[seg]
            audio[row * length + send(b['to'], self.device)[seg] + k] = x
            power.index_add_(0, row, x * x)
            count.index_add_(0, row, torch.ones_like(x))
        level = torch.where(count > 0, (power / count.clamp_min(1)).sqrt(), torch.full_like(count, 500 / 32768))
        return audio.view(rows, length), level.clamp_min(1e-4)[:, None]

    def room(self, x, far, rows=16):
        """Reverberation of the rows far, in place, as augment.room; always as many rows at once and few sizes."""
        n, length = int(0.4 * RATE), x.shape[1]
        size = max(1 << 17, 1 << (length + n - 1).bit_length())
        for i in range(0, len(far), rows):
            some = far[i:i + rows]
            y = x.new_zeros(rows, size)
            y[:len(some), :length] = x[some]
            t = torch.arange(n, device=x.device) / (self.uniform(0.1, 0.4, rows, 1) * RATE)
            tail = x.new_zeros(rows, size)
            tail[:, :n] = torch.randn(rows, n, device=x.device) * 10 ** (-3 * t) * (t < 1) * self.uniform(0.02, 0.12, rows, 1)
            tail[:, 0] = 1
            y = torch.fft.irfft(torch.fft.rfft(y) * torch.fft.rfft(tail), size)
            x[some] = y[:len(some), :length]

    def noisy(self, x, level, s):
        """Noise at 5 to 35 dB in most rows, a floor in the others."""
        rows, length = x.shape
        made = self.r.integers(self.recorded, len(self.noise), rows)
        which = np.where(self.r.random(rows) < 0.6, self.r.integers(0, max(1, self.recorded), rows), made) \
            if self.recorded else made
        start = send(self.r.integers(0, STRETCH, rows), self.device)
        t = (start[:, None] + torch.arange(length, device=x.device)) % STRETCH
        noise = self.noise.view(-1)[send(which, self.device)[:, None] * STRETCH + t]
        snr = self.uniform(35 - 30 * s, 35, rows, 1)
        floor = 10 ** self.uniform(-5, -3.5, rows, 1)
        gain = torch.where(self.uniform(0, 1, rows, 1) < 0.85 * s, level * 10 ** (-snr / 20), floor)
        return x + noise * gain

    def tone(self, rows, s):
        """(rows, 80): augment.tone."""
        x = torch.linspace(-1, 1, mel.N_MELS, device=self.device)[None]
        u = lambda a, b: self.uniform(a, b, rows, 1)           # noqa: E731
        gain = u(-0.6, 0.6) * x
        for _ in range(3):
            gain = gain + u(-0.4, 0.4) * torch.exp(-((x - u(-1, 1)) / u(0.1, 0.5)) ** 2)
        low = (self.hz / u(3200, 6500) - 1).clamp_min(0) * 12
        gain = gain - low * (u(0, 1) < 0.3)
        return gain * s * (u(0, 1) < 0.8)

    def hide(self, m, ctx, s):
        """SpecAugment: bands and stretches set to the mean of the row's frames."""
        rows, frames, bands = m.shape
        mean = m.sum((1, 2), keepdim=True) / (2 * ctx[:, None, None] * bands)
        f = torch.arange(bands, device=m.device)
        for _ in range(2):
            w = self.uniform(1, 2 + 20 * s, rows, 1).floor() * (self.uniform(0, 1, rows, 1) < s)
            a = (self.uniform(0, 1, rows, 1) * (bands - w)).floor()
            m = torch.where(((f >= a) & (f < a + w))[:, None], mean, m)
        n = 2 * ctx[:, None].float()
        many = (self.uniform(0, 1, rows, 1) * s * n / 110 * self.masks + s * self.uniform(0, 1, rows, 1)).floor()
        w = self.uniform(2, 3 + 22 * s, rows, MASKS).floor()
        w = w * (torch.arange(MASKS, device=m.device) < many)
        a = (self.uniform(0, 1, rows, MASKS) * n).floor()
        t = torch.arange(frames, device=m.device)
        hidden = ((t >= a[..., None]) & (t < (a + w)[..., None])).any(1)
        return torch.where(hidden[..., None], mean, m)

    @torch.no_grad()
    def features(self, b):
        """(batch, 2 * longest ctx, 80) log-mel of a batch of recipes; zero beyond each row's context."""
        ctx = send(b['ctx'], self.device)
        rows, frames, s = len(ctx), 2 * b['phones'].shape[1], b['strength']
        length = frames * mel.HOP
        x, level = self.speech(b, rows, length)
        far = self.chosen(0.3 * s, rows)
        self.room(x, far)
        x = self.noisy(x, level, s)
        still = self.chosen(0.2, rows)                        # digital silence stays so, sometimes
        silent = send(np.bincount(b['row'], minlength=rows) == 0, self.device)
        if len(still):
            x[still] = x[still] * ~silent[still][:, None]
        x = x * (torch.arange(length, device=self.device) < send(b['samples'], self.device)[:, None])
        peak = x.abs().amax(1, keepdim=True) + 1e-6
        x = x * (10 ** (-self.uniform(0, 25 * s + 3, rows, 1) / 20) / peak)
        coarse = torch.clamp((x * 32768).round(), -32768, 32767) / 32768
        x = torch.where(self.uniform(0, 1, rows, 1) < 0.5, coarse, x)
        # Whisper's front end, as mel.log_mel
        half = mel.N_FFT // 2
        x = torch.cat([x[:, 1:half + 1].flip(1), x, x.new_zeros(rows, half)], 1)
        spectrum = torch.matmul(x.unfold(1, mel.N_FFT, mel.HOP)[:, :frames], self.fourier)
        power = spectrum[..., :half + 1] ** 2 + spectrum[..., half + 1:] ** 2
        warp = np.round(self.r.uniform(-0.14, 0.14, rows) * s / 0.02).astype(np.int64) * (self.r.random(rows) < 0.8)
        bank = self.banks[send(warp + self.plain, self.device)]
        bank = bank * (10 ** self.tone(rows, s))[..., None]
        m = torch.matmul(power, bank.transpose(1, 2)).clamp_min(1e-10).log10()
        valid = (torch.arange(frames, device=self.device) < 2 * ctx[:, None])[..., None]
        top = m.masked_fill(~valid, -10).amax((1, 2), keepdim=True)
        m = (torch.maximum(m, top - 8) + 4) / 4 * valid
        return self.hide(m, ctx, s) * valid if s else m
