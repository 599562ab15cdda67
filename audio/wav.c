/* Streaming WAV header parser and sample decoder, see wav.h.  Any thread; allocates nothing; never
 * reads past the bytes it was given and never believes a size beyond skipping that many bytes. */
#include "audio/wav.h"

#include <string.h>

#include "audio/src.h"

enum { PART_RIFF, PART_CHUNK, PART_FMT, PART_SKIP };

/* Chunks before the samples (cover art, cue lists) longer than this in sum are taken for damage. */
static const uint64_t HEAD_MAX = 16u << 20;

static uint32_t u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int u16(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static void gather(struct wav *w, int part, int want)
{
    w->part = part;
    w->want = want;
    w->have = 0;
}

static void bad(struct wav *w, const char *why)
{
    w->state = WAV_BAD;
    w->fault = why;
}

void wav_init(struct wav *w)
{
    memset(w, 0, sizeof *w);
    w->data_bytes = WAV_UNKNOWN;
    gather(w, PART_RIFF, 12);
}

/* Values that programs write when they cannot know: ffmpeg 0xffffffff, sox 0x7ffff000 and near,
 * arecord 0x7fffffff and near (also 0x80000000 less a header). */
static int size_unknown(uint32_t size)
{
    return size == 0 || size >= 0xffffff00u || (size >= 0x7fff0000u && size <= 0x80000000u);
}

static int pick_code(int tag, int bits)
{
    switch (tag) {
    case 1:
        return bits == 8    ? WAV_U8
               : bits == 16 ? WAV_S16
               : bits == 24 ? WAV_S24
               : bits == 32 ? WAV_S32
                            : -1;
    case 3:
        return bits == 32 ? WAV_F32 : bits == 64 ? WAV_F64 : -1;
    case 6:
        return bits == 8 ? WAV_ALAW : -1;
    case 7:
        return bits == 8 ? WAV_ULAW : -1;
    default:
        return -1;
    }
}

static void take_fmt(struct wav *w)
{
    int tag = u16(w->buf);
    int bits = u16(w->buf + 14);
    uint32_t rate = u32(w->buf + 4);
    if (tag == 0xfffe && w->have >= 26) { /* extensible: the code is in the sub-format */
        tag = u16(w->buf + 24);
    }
    int code = pick_code(tag, bits);
    w->channels = u16(w->buf + 2);
    if (rate == 0) {
        bad(w, "the sample rate is 0");
    } else if (rate < AUDIO_RATE_MIN || rate > AUDIO_RATE_MAX) {
        bad(w, "the sample rate is outside 1 to 384 kHz");
    } else if (w->channels < 1 || w->channels > AUDIO_CHANNELS_MAX) {
        bad(w, "the number of channels is impossible");
    } else if (code < 0) {
        bad(w, "the sample format is unknown (PCM, float, A-law and u-law are known)");
    } else {
        w->rate = (int)rate;
        w->code = (enum wav_code)code;
        w->frame_bytes = w->channels * (bits / 8);
        w->got_fmt = 1;
    }
}

/* A chunk head is complete: decide what to do with its body. */
static void take_chunk(struct wav *w)
{
    uint32_t size = u32(w->buf + 4);
    w->skip = (uint64_t)size + (size & 1);
    if (!memcmp(w->buf, "data", 4)) {
        if (!w->got_fmt) {
            bad(w, "the samples come before the format");
            return;
        }
        w->data_bytes = size_unknown(size) ? WAV_UNKNOWN : size;
        w->state = WAV_DATA;
    } else if (!memcmp(w->buf, "fmt ", 4)) {
        if (size < 16) {
            bad(w, "the format chunk is too short");
            return;
        }
        int want = size < sizeof w->buf ? (int)size : (int)sizeof w->buf;
        w->skip -= (uint64_t)want;
        gather(w, PART_FMT, want);
    } else {
        gather(w, PART_SKIP, 0);
    }
}

static void take_part(struct wav *w)
{
    switch (w->part) {
    case PART_RIFF:
        if ((memcmp(w->buf, "RIFF", 4) && memcmp(w->buf, "RF64", 4)) ||
            memcmp(w->buf + 8, "WAVE", 4)) {
            bad(w, "it does not begin as WAV does");
            return;
        }
        gather(w, PART_CHUNK, 8);
        break;
    case PART_CHUNK:
        take_chunk(w);
        break;
    default:
        take_fmt(w);
        gather(w, PART_SKIP, 0);
        break;
    }
}

size_t wav_feed(struct wav *w, const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n && w->state == WAV_MORE) {
        size_t k = n - at;
        if (w->part == PART_SKIP) {
            k = k < w->skip ? k : (size_t)w->skip;
            w->skip -= k;
        } else {
            k = k < (size_t)(w->want - w->have) ? k : (size_t)(w->want - w->have);
            memcpy(w->buf + w->have, p + at, k);
            w->have += (int)k;
        }
        at += k;
        w->head_bytes += k;
        if (w->part == PART_SKIP) {
            if (w->skip == 0) {
                gather(w, PART_CHUNK, 8);
            }
        } else if (w->have == w->want) {
            take_part(w);
        }
        if (w->state == WAV_MORE && w->head_bytes > HEAD_MAX) {
            bad(w, "no samples within the first 16 MiB");
        }
    }
    return at;
}

static float alaw(uint8_t b)
{
    b ^= 0x55;
    int exp = (b >> 4) & 7;
    int v = ((b & 15) << 4) + 8;
    if (exp > 0) {
        v = (v + 256) << (exp - 1);
    }
    return (float)(b & 128 ? v : -v) / 32768.0f;
}

static float ulaw(uint8_t b)
{
    b = (uint8_t)~b;
    int v = ((((b & 15) << 3) + 132) << ((b >> 4) & 7)) - 132;
    return (float)(b & 128 ? -v : v) / 32768.0f;
}

static float f64(const uint8_t *p)
{
    double d;
    memcpy(&d, p, sizeof d);
    /* A double beyond float would be undefined to convert; it is clamped later anyway. */
    return d > 2.0 ? 2.0f : d < -2.0 ? -2.0f : (float)d;
}

void wav_decode(const struct wav *w, const uint8_t *p, int frames, float *out)
{
    int n = frames * w->channels;
    switch (w->code) {
    case WAV_U8:
        for (int i = 0; i < n; i++) {
            out[i] = (float)(p[i] - 128) / 128.0f;
        }
        break;
    case WAV_S16:
        for (int i = 0; i < n; i++) {
            out[i] = (float)(int16_t)u16(p + 2 * i) / 32768.0f;
        }
        break;
    case WAV_S24:
        for (int i = 0; i < n; i++) {
            const uint8_t *q = p + 3 * i;
            uint32_t v = (uint32_t)q[0] << 8 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 24;
            out[i] = (float)(int32_t)v / 2147483648.0f;
        }
        break;
    case WAV_S32:
        for (int i = 0; i < n; i++) {
            out[i] = (float)(int32_t)u32(p + 4 * i) / 2147483648.0f;
        }
        break;
    case WAV_F32:
        memcpy(out, p, (size_t)n * sizeof *out);
        break;
    case WAV_F64:
        for (int i = 0; i < n; i++) {
            out[i] = f64(p + 8 * i);
        }
        break;
    case WAV_ALAW:
        for (int i = 0; i < n; i++) {
            out[i] = alaw(p[i]);
        }
        break;
    case WAV_ULAW:
        for (int i = 0; i < n; i++) {
            out[i] = ulaw(p[i]);
        }
        break;
    }
}
