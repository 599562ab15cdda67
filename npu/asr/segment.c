/* Cutting a window's tokens into segments.  Pure, any thread, allocates nothing. */
#include "npu/asr/segment.h"

#include "npu/asr/pick.h"

int asr_cut_segments(const struct asr_tok *tok, const struct asr_token *t,
                     const struct asr_pick *pick, int n, int seek, int advance, struct asr_cut *out,
                     int max)
{
    const struct asr_special *sp = asr_tok_special(tok);
    int first = 0, count = 0;
    bool text = false;
    if (n == 0) {
        return 0;
    }
    /* whisper.cpp begins at the best stamp of the first step; where none was allowed its id is 0.
     */
    int64_t t0 = seek + 2 * ((int64_t)(pick[0].stamp < 0 ? 0 : pick[0].stamp) - sp->beg);
    for (int i = 0; i < n; i++) {
        size_t len = 0;
        if (t[i].id < sp->eot) {
            asr_tok_bytes(tok, t[i].id, &len);
        }
        text = text || len > 0;
        if (t[i].id <= sp->beg) {
            continue;
        }
        int64_t t1 = seek + 2 * (int64_t)(t[i].id - sp->beg);
        if (text && count < max) {
            out[count++] = (struct asr_cut){t0, t1, first, i + 1 - first};
        }
        text = false;
        while (i + 1 < n && t[i + 1].id > sp->beg) {
            i++;
        }
        t0 = seek + 2 * (int64_t)(t[i].id - sp->beg);
        first = i + 1;
    }
    if (text && count < max) {
        out[count++] = (struct asr_cut){t0, seek + advance, first, n - first};
    }
    return count;
}
