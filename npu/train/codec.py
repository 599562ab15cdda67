"""Packed corpora <-> Opus at about 14 kbit/s, to carry 16 hours of speech in 100 MB.

    python3 codec.py encode PACK OUTDIR [BITRATE]     PACK.pcm -> OUTDIR/PACK-NN.opk, PACK.jsonl.gz
    python3 codec.py decode INDIR OUTDIR [WORKERS]    back, all packs found in INDIR

An .opk holds a stretch of the pack: u32 samples, then per frame of 60 ms u16 bytes and the packet.
libopus is called through ctypes (DICTATE_LIBS names a folder that holds it, else the system's), so
that the machine that trains needs neither a sound library nor a command.  Stretches of half an hour
decode side by side; each starts its coder anew and is cut by the coder's delay, so samples stay in place.
"""
import ctypes
import glob
import gzip
import json
import multiprocessing
import os
import struct
import sys

import numpy as np

from pack import RATE

FRAME = RATE * 60 // 1000
STRETCH = 30 * 60 * RATE
AUDIO = 2049                                                  # OPUS_APPLICATION_AUDIO
SET_BITRATE, SET_COMPLEXITY, GET_LOOKAHEAD = 4002, 4010, 4027  # opus_defines.h


def library():
    folder = os.environ.get('DICTATE_LIBS', '')
    lib = ctypes.CDLL(os.path.join(folder, 'libopus.so.0'))
    for f in (lib.opus_encoder_create, lib.opus_decoder_create):
        f.restype = ctypes.c_void_p
    return lib


def encode_stretch(path, pcm, bitrate):
    lib, error = library(), ctypes.c_int()
    enc = ctypes.c_void_p(lib.opus_encoder_create(RATE, 1, AUDIO, ctypes.byref(error)))
    if error.value:
        raise SystemExit('libopus: encoder: error %d' % error.value)
    lib.opus_encoder_ctl(enc, SET_BITRATE, ctypes.c_int(bitrate))
    lib.opus_encoder_ctl(enc, SET_COMPLEXITY, ctypes.c_int(5))
    delay = ctypes.c_int()
    lib.opus_encoder_ctl(enc, GET_LOOKAHEAD, ctypes.byref(delay))
    x = np.concatenate([pcm, np.zeros(-(len(pcm) + delay.value) % FRAME + delay.value, np.int16)])
    out = ctypes.create_string_buffer(4000)
    with open(path + '.tmp', 'wb') as f:
        f.write(struct.pack('<II', len(pcm), delay.value))
        for at in range(0, len(x), FRAME):
            n = lib.opus_encode(enc, x[at:at + FRAME].ctypes.data_as(ctypes.c_void_p), FRAME, out, 4000)
            if n < 0:
                raise SystemExit('libopus: frame at %d: error %d' % (at, n))
            f.write(struct.pack('<H', n) + out.raw[:n])
    os.replace(path + '.tmp', path)
    lib.opus_encoder_destroy(enc)


def decode_stretch(path):
    lib, error = library(), ctypes.c_int()
    dec = ctypes.c_void_p(lib.opus_decoder_create(RATE, 1, ctypes.byref(error)))
    with open(path, 'rb') as f:
        data = f.read()
    samples, delay = struct.unpack_from('<II', data)
    x = np.zeros(-(-(samples + delay) // FRAME) * FRAME, np.int16)
    at, to = 8, 0
    while at < len(data):
        n, = struct.unpack_from('<H', data, at)
        got = lib.opus_decode(dec, data[at + 2:at + 2 + n], n, x[to:].ctypes.data_as(ctypes.c_void_p), FRAME, 0)
        if got < 0:
            raise SystemExit('%s: frame at byte %d: error %d' % (path, at, got))
        at, to = at + 2 + n, to + got
    lib.opus_decoder_destroy(dec)
    return x[delay:delay + samples]


def encode(pack, out, bitrate=14000):
    pack = pack[:-6] if pack.endswith('.jsonl') else pack
    name = os.path.join(out, os.path.basename(pack))
    os.makedirs(out, exist_ok=True)
    pcm = np.memmap(pack + '.pcm', '<i2', 'r')
    for i, at in enumerate(range(0, len(pcm), STRETCH)):
        encode_stretch('%s-%02d.opk' % (name, i), pcm[at:at + STRETCH], bitrate)
    with open(pack + '.jsonl', 'rb') as f, gzip.open(name + '.jsonl.gz', 'wb', 9) as g:
        g.write(f.read())


def decode_one(job):
    path, to, at = job
    x = decode_stretch(path)
    with open(to, 'r+b') as f:
        f.seek(2 * at)
        f.write(x.astype('<i2').tobytes())


def decode(folder, out, workers=1):
    os.makedirs(out, exist_ok=True)
    jobs, names = [], []
    for index in sorted(glob.glob(os.path.join(folder, '*.jsonl.gz'))):
        name = os.path.basename(index)[:-9]
        to = os.path.join(out, name)
        if os.path.exists(to + '.jsonl'):
            continue
        open(to + '.pcm', 'wb').close()
        names.append((index, to))
        at = 0
        for path in sorted(glob.glob(os.path.join(folder, name + '-[0-9][0-9].opk'))):
            jobs.append((path, to + '.pcm', at))
            with open(path, 'rb') as f:
                at += struct.unpack('<II', f.read(8))[0]
    with multiprocessing.Pool(workers) as pool:
        pool.map(decode_one, jobs, 1)
    for index, to in names:                                   # the index last: it says the pack is whole
        with gzip.open(index) as f, open(to + '.jsonl.tmp', 'wb') as g:
            g.write(f.read())
        os.replace(to + '.jsonl.tmp', to + '.jsonl')
        with open(to + '.jsonl') as f:
            last = json.loads(f.read().rstrip('\n').split('\n')[-1])
        assert os.path.getsize(to + '.pcm') == 2 * (last['at'] + last['n']), to


if __name__ == '__main__':
    if sys.argv[1:2] == ['encode'] and len(sys.argv) >= 4:
        encode(sys.argv[2], sys.argv[3], *map(int, sys.argv[4:5]))
    elif sys.argv[1:2] == ['decode'] and len(sys.argv) >= 4:
        decode(sys.argv[2], sys.argv[3], *map(int, sys.argv[4:5]))
    else:
        raise SystemExit(__doc__)
