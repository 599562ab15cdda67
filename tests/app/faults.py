"""See faults.sh.  Prints ok and not ok."""
import json, os, re, subprocess, sys

DICTATE, CLIP = os.environ['DICTATE'], sys.argv[1]
LENGTH = 13.745  # seconds of the clip
failed = 0


def run(script, *more, fmt='--json', code=0, clip=CLIP):
    got = subprocess.run([DICTATE, fmt, *more, '--mic', 'fault:' + script] + ([clip] if clip else []),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    assert got.returncode == code, f'exit code {got.returncode}: {got.stderr[-300:]!r}'
    text = got.stdout.decode()
    return [json.loads(line) for line in text.splitlines()] if fmt == '--json' else text


def of(events, kind):
    return [e for e in events if e['event'] == kind]


def words(events, begin=-1, end=1e9):
    """Words that lie between two times, without marks."""
    w = [w for s in of(events, 'segment') for w in s['words']]
    return [x['text'] for x in w if not x.get('lost') and begin <= x['t0'] and x['t1'] <= end]


def lost(events):
    """What was lost in all: by the gaps and by the end; all of the sound is accounted for."""
    total, end = sum(g['lost_s'] for g in of(events, 'gap')), of(events, 'end')[0]
    assert abs(total - end['lost_s']) < 1e-3, (total, end['lost_s'])
    assert abs(end['audio_s'] - LENGTH) < 0.01, end  # by the clock: heard and lost
    for s in of(events, 'segment'):
        t = [w['t0'] for w in s['words'] if not w.get('lost')]
        assert t == sorted(t), s
    return total


def near(a, b, share):
    """Most words are the same in the same order."""
    import difflib
    same = sum(m.size for m in difflib.SequenceMatcher(None, a, b, False).get_matching_blocks())
    assert same >= share * max(len(a), len(b)), (same, a, b)


def test(f):
    global failed
    try:
        f()
        print('ok', f.__doc__)
    except Exception as e:  # whatever went wrong is the reason
        failed = 1
        print('not ok', f.__doc__ + ':', repr(e)[:600])
    sys.stdout.flush()


base = run('')
whole = words(base)


@test
def no_fault():
    """without a fault: the whole text, nothing lost, and the same as from the file"""
    assert lost(base) == 0 and len(whole) > 30 and not of(base, 'gap')
    near(whole, words([json.loads(x) for x in subprocess.check_output(
        [DICTATE, '--json', CLIP], stderr=subprocess.DEVNULL).splitlines()]), 0.85)


@test
def same():
    """simulated time: the same events each time"""
    def events(script):
        drop = ('load_s', 'wall_s', 'cpu_s', 'work_s', 'rtf', 'pass_ms', 'stage_ms')
        return [{k: v for k, v in e.items() if k not in drop} for e in run(script) if e['event'] != 'note']
    for script in ('every 1 xrun 0.02; at 5 unplug 3', 'engine 0.5', 'rate 44100; at 2 suspend 1'):
        assert events(script) == events(script), script


@test
def xruns():
    """an xrun every second: 13 losses of 20 ms, each marked among the words"""
    e = run('every 1 xrun 0.02')
    gaps = of(e, 'gap')
    assert len(gaps) == 13 and abs(lost(e) - 0.26) < 1e-6 and of(e, 'end')[0]['xruns'] == 13
    assert [round(g['t0'], 2) for g in gaps] == [float(i + 1) for i in range(13)]
    text = ' '.join(s['text'] for s in of(e, 'segment'))
    marks = re.findall(r'\[20 ms lost: xrun\]', text)
    assert len(marks) == 13, text
    near(whole, words(e), 0.7)


@test
def quiet_xruns():
    """losses between utterances are marked too"""
    text = run('repeat 2; at 13.7 zero 13.9; at 20 xrun 0.1; at 20.5 xrun 0.05', fmt='--txt')
    assert text.endswith('\n[150 ms lost: xrun, 2 times]\n'), text


@test
def unplug():
    """unplugged for 10 s: the text before it, a mark, the text after it"""
    long = run('repeat 3')
    e = run('repeat 3; at 13 unplug 10')
    gap = of(e, 'gap')
    assert len(gap) == 1 and gap[0]['why'] == 'unplugged' and abs(gap[0]['t0'] - 13) < 0.03, gap
    assert 10 <= gap[0]['lost_s'] <= 12.1, gap  # found again within 2 s
    end = of(e, 'end')[0]
    assert abs(end['lost_s'] - gap[0]['lost_s']) < 1e-3 and abs(end['audio_s'] - 3 * LENGTH) < 0.01, end
    assert words(e, 0, 12) == words(long, 0, 12)
    # What speaks at the moment of coming back is heard in half; after it all is as it was.
    near(words(long, gap[0]['t1'] + 3), words(e, gap[0]['t1'] + 3), 0.9)
    text = run('repeat 3; at 13 unplug 10', fmt='--srt')
    assert re.search(r'00:00:13,\d+ --> 00:00:2[345],\d+\n\[1\d\.\d s lost: unplugged\]\n', text), text


@test
def for_good():
    """unplugged for good: what was heard is text; exit code 3 after --wait"""
    e = run('at 6 unplug', '--wait', '5', code=3)
    assert words(e, 0, 5.8) == words(base, 0, 5.8) and of(e, 'end')[0]['exit'] == 3, e
    run('at 0 unplug', code=3)


@test
def suspend():
    """suspended for 2 s"""
    e = run('at 6.3 suspend 2')
    assert abs(lost(e) - 2) < 1e-3 and of(e, 'gap')[0]['why'] == 'suspended'
    assert words(e, 0, 6) == words(base, 0, 6) and words(e, 10) == words(base, 10)


@test
def zeros():
    """all-zero for 7 s: nothing is lost, nothing invented"""
    e = run('repeat 2; at 13 zero 7')
    assert not of(e, 'gap') and not words(e, 13.3, 20), words(e)
    assert words(e, 0, 12.9) == words(run('repeat 2'), 0, 12.9)


@test
def clipping():
    """clipping for 3 s: the text outside is intact"""
    e = run('at 10.2 clip 3.4')
    assert lost(e) == 0 and words(e, 0, 10) == words(base, 0, 10)


@test
def rates():
    """devices of 8 and 96 kHz, 44.1 kHz with six channels"""
    for script, share in (('rate 8000', 0.75), ('rate 96000', 0.95), ('rate 44100; channels 6', 0.9)):
        e = run(script)
        assert lost(e) == 0
        near(whole, words(e), share)


@test
def dead_channel():
    """stereo with one dead channel: as loud as the other alone"""
    for side in 'left', 'right':
        e = run('dead-channel ' + side)
        assert lost(e) == 0 and words(e) == whole


@test
def overload():
    """a slow engine (1.5): fewer passes, later words, not a sample lost"""
    usual, late = run('repeat 6'), run('repeat 6; engine 1.5')
    assert of(late, 'end')[0]['lost_s'] == 0
    assert len(of(late, 'update')) < len(of(usual, 'update')) / 2
    near(words(usual), words(late), 0.9)
    # From 4 s on only final passes are made: that, and two passes over the longest utterance.
    longest = max(s['t1'] - s['t0'] for s in of(usual, 'segment')) + 1.5
    assert max(s['at_s'] - s['t1'] for s in of(late, 'segment')) < 4 + 2 * longest / 1.5


@test
def drowned():
    """an engine five times too slow (0.2): lost only when the queue is full, and then marked"""
    e = run('repeat 10; engine 0.2', code=7)
    gaps, end = of(e, 'gap'), of(e, 'end')[0]
    assert gaps and all(g['why'] == 'too slow' and g['lost_s'] > 3 for g in gaps), gaps
    assert abs(sum(g['lost_s'] for g in gaps) - end['lost_s']) < 1e-3
    assert gaps[0]['t0'] > 65 and abs(end['audio_s'] - 10 * LENGTH) < 0.01 and end['exit'] == 7, (gaps, end)
    assert words(e, 0, 4 * LENGTH) == words(run('repeat 4; engine 0.2'))
    inside = [w for g in gaps for w in words(e, g['t0'] + 0.5, g['t1'] - 0.5)]
    assert not inside, inside
    text = run('repeat 10; engine 0.2', fmt='--txt', code=7)
    assert len(re.findall(r'\[\d+\.\d s lost: too slow\]', text)) == len(gaps), text


@test
def refused():
    """scripts that cannot be: one sentence, exit code 2"""
    for script in 'every', 'at 1 xrun', 'rate 5', 'at x unplug', 'engine 0':
        run(script, code=2)
    run('@/nowhere/script', code=2)
    run('', code=9, clip='/nowhere/sound.wav')


sys.exit(failed)
