"""Whisper's log-mel front end in numpy: 16 kHz, 400-point Hann, hop 160, 80 Slaney bands."""
import numpy as np

RATE, N_FFT, HOP, N_MELS = 16000, 400, 160, 80
WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def hz_to_mel(f):
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    f = np.asarray(f, np.float64)
    return np.where(f < 1000, f * 3 / 200, 15 + np.log(np.maximum(f, 1e-9) / 1000) * 27 / np.log(6.4))


def mel_to_hz(m):
    m = np.asarray(m, np.float64)
    return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


def filters(warp=1.0, n_mels=N_MELS):
    """(n_mels, 201) triangles of unit area.  warp moves their frequencies: another vocal tract."""
    hz = mel_to_hz(np.linspace(0, hz_to_mel(RATE / 2), n_mels + 2))
    # piecewise linear warp that keeps 0 and 8 kHz where they are
    knee = 4800 * min(1.0, 1 / warp)
    warped = np.where(hz < knee, hz * warp,
                      knee * warp + (hz - knee) * (8000 - knee * warp) / (8000 - knee))
    bins = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    up = (bins - warped[:-2, None]) / np.diff(warped)[:-1, None]
    down = (warped[2:, None] - bins) / np.diff(warped)[1:, None]
    area = 2 / (hz[2:] - hz[:-2])
    return (np.maximum(0, np.minimum(up, down)) * area[:, None]).astype(np.float32)


PLAIN = filters()


def log_mel(audio, frames, bank=PLAIN):
    """float audio -> (frames, 80) normalised over the window; beyond the audio there are zeros."""
    need = (frames - 1) * HOP + N_FFT
    head = audio[1:N_FFT // 2 + 1][::-1]                     # reflection at the left edge
    x = np.zeros(need, np.float32)
    body = np.concatenate([np.zeros(N_FFT // 2 - len(head), np.float32), head, audio])[:need]
    x[:len(body)] = body
    windows = np.lib.stride_tricks.as_strided(x, (frames, N_FFT), (HOP * 4, 4)) * WINDOW
    power = np.square(np.abs(np.fft.rfft(windows))).astype(np.float32)
    mel = np.log10(np.maximum(power @ bank.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8)
    return (mel + 4) / 4
