#!/usr/bin/env python3
"""Hours of looped sound through a live session in simulated time: memory, speed, lost samples.

    python3 tests/bench/soak.py --hours 6 [--dictate build/dictate] SOUND...

The sounds (16 kHz mono 16 bit WAV, or one file of any kind) are joined, and a microphone by script
hears them again and again (`--mic fault:repeat N`), as fast as the recogniser allows.  Every minute of
sound the process is looked at.  Prints `ok` and `not ok` lines:

memory   least squares through resident memory over stream hours, without the first tenth: at most
         1 MB an hour beyond the text itself (what --json has written goes to a pipe, not to memory)
speed    CPU seconds per second of sound, last fifth against first: at most 1.15 times
samples  the session heard exactly as many seconds as were played, and lost none
text     every round of the loop says as many words, within 10 in 100 of the others"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave

PAGE = os.sysconf('SC_PAGE_SIZE')
TICK = os.sysconf('SC_CLK_TCK')


def join(paths, out):
    """One WAV of all; its seconds."""
    n = 0
    with wave.open(out, 'wb') as w:
        w.setparams((1, 2, 16000, 0, 'NONE', ''))
        for p in paths:
            with wave.open(p) as r:
                if (r.getnchannels(), r.getsampwidth(), r.getframerate()) != (1, 2, 16000):
                    sys.exit('soak: %s is not 16 kHz mono 16 bit' % p)
                n += r.getnframes()
                w.writeframes(r.readframes(r.getnframes()))
    return n / 16000


def length(dictate, path):
    """Seconds of any sound file, as the program itself reads it."""
    out = subprocess.run([dictate, path, '--json', '--fast'], capture_output=True, text=True, check=True)
    return json.loads(out.stdout.strip().split('\n')[-1])['audio_s']


def rss_mb(pid):
    with open('/proc/%d/statm' % pid) as f:
        return int(f.read().split()[1]) * PAGE / 1e6


def cpu_s(pid):
    with open('/proc/%d/stat' % pid) as f:
        v = f.read().rsplit(')', 1)[1].split()
    return (int(v[11]) + int(v[12])) / TICK


def slope(points):
    """Of a line through (x, y) with the least squares."""
    n = len(points)
    mx = sum(x for x, _ in points) / n
    my = sum(y for _, y in points) / n
    over = sum((x - mx) * (y - my) for x, y in points)
    under = sum((x - mx) ** 2 for x, _ in points)
    return over / under if under else 0.0


def say(good, text):
    print('%s %s' % ('ok' if good else 'not ok', text), flush=True)
    return good


def run(a, sound, seconds):
    rounds = max(2, round(a.hours * 3600 / seconds))
    marks, words, end, held = [], [0] * rounds, None, 0
    p = subprocess.Popen([a.dictate, sound, '--mic', 'fault:repeat %d' % rounds, '--json'],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in p.stdout:
        ev = json.loads(line)
        if ev['event'] == 'segment':
            for w in ev['words']:
                words[min(rounds - 1, int(w['t0'] / seconds))] += 1
            at = ev['t1']
            if not marks or at - marks[-1][0] >= a.every:
                marks.append((at, rss_mb(p.pid), cpu_s(p.pid)))
                if a.verbose:
                    print('%8.2f h %8.2f MB %10.2f s CPU' %
                          (at / 3600, marks[-1][1], marks[-1][2]), file=sys.stderr, flush=True)
        elif ev['event'] == 'end':
            end = ev
        held += ev['event'] == 'held'
    err = p.stderr.read()
    p.wait()
    return rounds, marks, words, end, err, p.returncode


def judge(a, seconds, rounds, marks, words, end, err, rc):
    ok = say(rc == 0 and end is not None, 'the session ends well: exit code %s %s' % (rc, err.strip()[-200:]))
    if not ok:
        return False
    want = rounds * seconds
    ok &= say(abs(end['audio_s'] - want) < 0.002 and end['lost_s'] == 0,
              'samples: %.3f s played, %.3f s heard, %s s lost' % (want, end['audio_s'], end['lost_s']))
    if len(marks) < 10:
        return say(False, 'only %d looks at the process: more hours, or a smaller --every' % len(marks))
    late = marks[len(marks) // 10:]
    grow = slope([(t / 3600, m) for t, m, _ in late])
    ok &= say(grow <= a.mb, 'memory: %+.3f MB an hour (%.1f MB after %.2f h, %.1f MB after %.2f h)' % (
        grow, late[0][1], late[0][0] / 3600, late[-1][1], late[-1][0] / 3600))
    k = len(marks) // 5
    first = (marks[k][2] - marks[0][2]) / (marks[k][0] - marks[0][0])
    last = (marks[-1][2] - marks[-1 - k][2]) / (marks[-1][0] - marks[-1 - k][0])
    ok &= say(last <= a.slower * first, 'speed: %.4f CPU seconds a second at first, %.4f at last' % (first, last))
    mid = words[1:-1] or words
    ok &= say(min(mid) > 0 and max(mid) - min(mid) <= 0.1 * max(mid),
              'text: %d to %d words a round of %.1f s, %d rounds' % (min(mid), max(mid), seconds, rounds))
    return ok


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('sound', nargs='+')
    p.add_argument('--hours', type=float, default=6)
    p.add_argument('--every', type=float, default=60, help='seconds of sound between two looks')
    p.add_argument('--mb', type=float, default=1.0, help='growth an hour that is allowed')
    p.add_argument('--slower', type=float, default=1.15, help='last fifth against the first')
    p.add_argument('--dictate', default='build/dictate')
    p.add_argument('-v', '--verbose', action='store_true')
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sound = a.sound[0]
        if len(a.sound) > 1:
            sound = os.path.join(folder, 'loop.wav')
            seconds = join(a.sound, sound)
        else:
            seconds = length(a.dictate, sound)
        ok = judge(a, seconds, *run(a, sound, seconds))
    sys.exit(0 if ok else 1)


if __name__ == '__main__':
    main()
