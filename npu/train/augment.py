"""What happens to a clip on its way into a batch: strength 0 is none, 1 is full.

Times that belong to the clip (speech edges, phones, words) move with every change.
"""
import numpy as np

import mel
from pack import RATE

BANKS = {round(w, 2): mel.filters(w) for w in np.arange(0.86, 1.145, 0.02)}


def tempo(audio, factor):
    """Faster and higher by factor, by linear interpolation (clips are band-limited enough)."""
    n = int(len(audio) / factor)
    return np.interp(np.arange(n) * factor, np.arange(len(audio)), audio).astype(np.float32)


def coloured(r, n):
    """n samples of noise whose spectrum falls by 0 to 9 dB an octave."""
    f = np.maximum(np.fft.rfftfreq(n), 1 / 400)
    spectrum = np.fft.rfft(r.standard_normal(n).astype(np.float32)) * f ** -r.uniform(0, 1.5)
    x = np.fft.irfft(spectrum, n)
    return (x / (x.std() + 1e-9)).astype(np.float32)


def noise(r, n, clips):
    """n samples of noise of deviation 1: a recording or made."""
    if clips and r.random() < 0.6:
        c = clips[r.integers(len(clips))]
        at = r.integers(max(1, len(c) - n))
        x = np.resize(c[at:at + n], n).astype(np.float32)
        return x / (x.std() + 1e-9)
    return coloured(r, n)


def room(r, audio):
    """Reverberation: an exponentially decaying tail, the direct sound first."""
    seconds = r.uniform(0.1, 0.4)
    n = int(seconds * RATE)
    tail = r.standard_normal(n) * 10 ** (-3 * np.arange(n) / n) * r.uniform(0.02, 0.12)
    tail[0] = 1
    size = 1 << int(np.ceil(np.log2(len(audio) + n)))
    return np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(tail, size), size)[:len(audio)].astype(np.float32)


def tone(r):
    """A gain for every mel band: tilt, bumps, and sometimes a low pass; in log10 of power."""
    x = np.linspace(-1, 1, mel.N_MELS)
    gain = r.uniform(-0.6, 0.6) * x
    for _ in range(3):
        gain = gain + r.uniform(-0.4, 0.4) * np.exp(-((x - r.uniform(-1, 1)) / r.uniform(0.1, 0.5)) ** 2)
    if r.random() < 0.3:
        hz = mel.mel_to_hz(np.linspace(0, mel.hz_to_mel(RATE / 2), mel.N_MELS + 2))[1:-1]
        gain = gain - np.maximum(0, hz / r.uniform(3200, 6500) - 1) * 12
    return gain.astype(np.float32)


def features(r, audio, frames, strength, speech_level, clips):
    """int16-scaled float audio -> normalised log-mel (frames, 80) with everything but tempo."""
    x = audio / 32768
    if not x.any() and r.random() < 0.2:       # digital silence
        return mel.log_mel(x.astype(np.float32), frames)
    if r.random() < 0.3 * strength:
        x = room(r, x)
    if r.random() < 0.85 * strength:
        snr = r.uniform(35 - 30 * strength, 35) if strength < 1 else r.uniform(5, 35)
        x = x + noise(r, len(x), clips) * speech_level / 32768 * 10 ** (-snr / 20)
    else:                                      # no recording is digitally silent for long
        x = x + r.standard_normal(len(x)).astype(np.float32) * 10 ** r.uniform(-5, -3.5)
    peak = np.abs(x).max() + 1e-6
    x = x * (10 ** (-r.uniform(0, 25 * strength + 3) / 20) / peak)
    if r.random() < 0.5:                       # as a sound card would: 16 bits, clipped
        x = np.clip(np.round(x * 32768), -32768, 32767) / 32768
    warp = 1.0
    if strength and r.random() < 0.8:
        warp = round(1 + 0.02 * round(r.uniform(-0.14, 0.14) * strength / 0.02), 2)
    bank = BANKS.get(warp, mel.PLAIN)
    if strength and r.random() < 0.8 * strength:
        bank = bank * (10 ** (tone(r) * strength))[:, None]
    return mel.log_mel(x.astype(np.float32), frames, bank)


def mask(r, m, speech_frames, strength):
    """SpecAugment: bands and stretches set to the mean."""
    mean = m.mean()
    for _ in range(2):
        if r.random() < strength:
            w = r.integers(1, 2 + int(12 * strength))
            f = r.integers(0, mel.N_MELS - w)
            m[:, f:f + w] = mean
    for _ in range(int(r.uniform(0, 1) * strength * speech_frames / 150 + strength * r.random())):
        w = r.integers(2, 3 + int(18 * strength))
        t = r.integers(0, max(1, len(m) - w))
        m[t:t + w] = mean
    return m
