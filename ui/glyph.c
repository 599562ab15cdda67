/* See glyph.h.  Constant tables only. */
#include "ui/glyph.h"

#include <stddef.h>
#include <string.h>

/* clang-format off: a line holds what belongs together */
static const struct ui_glyphs utf8 = {
    .hline = "─",
    .vline = "│",
    .tee_down = "┬",
    .tee_up = "┴",
    .open = "▕",
    .close = "▏",
    .limit = "┊",
    .sweep = "│",
    .full = "█",
    .part = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"},
    .spark = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
    .cursor = "▏",
    .ellipsis = "…",
    .to = "→",
    .down = "▼",
    .up_down = "↑↓",
    .ok = "●",
    .warn = "▲",
    .bad = "✖",
    .hold = "‖",
};

static const struct ui_glyphs ascii = {
    .ascii = true,
    .hline = "-",
    .vline = "|",
    .tee_down = "+",
    .tee_up = "+",
    .open = "[",
    .close = "]",
    .limit = "|",
    .sweep = "|",
    .full = "#",
    .part = {"", "", "", "", ".", ".", ":", ":"},
    .spark = {".", ":", "-", "=", "+", "*", "%", "#"},
    .cursor = "_",
    .ellipsis = "~",
    .to = ">",
    .down = "v",
    .up_down = "^v",
    .ok = "*",
    .warn = "!",
    .bad = "X",
    .hold = "=",
};

static const struct ui_glyphs console = {
    .hline = "─",
    .vline = "│",
    .tee_down = "┬",
    .tee_up = "┴",
    .open = "[",
    .close = "]",
    .limit = "|",
    .sweep = "│",
    .full = "█",
    .part = {"", "", "", "", "▌", "▌", "▌", "▌"},
    .spark = {".", ":", "-", "=", "+", "*", "%", "#"},
    .cursor = "_",
    .ellipsis = "~",
    .to = ">",
    .down = "v",
    .up_down = "^v",
    .ok = "*",
    .warn = "!",
    .bad = "X",
    .hold = "=",
};

/* clang-format on */

const struct ui_glyphs *ui_glyphs(const char *name)
{
    if (!strcmp(name, "utf8")) {
        return &utf8;
    }
    if (!strcmp(name, "ascii")) {
        return &ascii;
    }
    return !strcmp(name, "linux") ? &console : NULL;
}

const char *ui_glyphs_auto(const char *term, bool utf8_locale)
{
    if (!utf8_locale || !term || !*term || !strcmp(term, "dumb") || !strncmp(term, "vt", 2) ||
        !strcmp(term, "ansi")) {
        return "ascii";
    }
    return !strcmp(term, "linux") ? "linux" : "utf8";
}
