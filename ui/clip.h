/* Copying to the terminal's clipboard by OSC 52. */
#ifndef UI_CLIP_H
#define UI_CLIP_H

#include <stddef.h>
#include <stdint.h>

/* Usual limit of a terminal for one sequence; longer text is refused, not half copied. */
enum { UI_CLIP_MAX = 74000 };

/* The bytes to send: base64 inside OSC 52, once more wrapped for tmux where TMUX is set.  Control
 * bytes but newline are left out of the copy.  Caller frees; NULL: too long (*len 0) or no memory.
 */
char *ui_clip_osc52(const char *text, uint32_t n, int in_tmux, size_t *len);

#endif
