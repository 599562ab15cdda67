/* The EMBEDDED_METADATA section: just enough XML to find a kernel, its number and its registers.
 * The text is not terminated; every step asks how much is left.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "npu/dev/xclbin_in.h"

enum { MAX_DEPTH = 32, MAX_ATTR = 4096, REGISTERS_B = 4096, NAME_N = 64 };

struct scan {
    const char *p, *end;
};
struct text {
    const char *p;
    size_t n;
};

static int space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && space(*s->p)) {
        s->p++;
    }
}

static int is(struct text t, const char *word)
{
    return t.n == strlen(word) && memcmp(t.p, word, t.n) == 0;
}

static struct text name_at(struct scan *s)
{
    struct text t = {s->p, 0};
    while (s->p < s->end && !space(*s->p) && !strchr("=/>\"'<", *s->p)) {
        s->p++;
    }
    t.n = (size_t)(s->p - t.p);
    return t;
}

/* name="value": 1; end of the tag: 0; broken: -1. */
static int attribute(struct scan *s, struct text *name, struct text *value)
{
    skip_space(s);
    if (s->p == s->end) {
        return -1;
    }
    if (*s->p == '>' || *s->p == '/' || *s->p == '?') {
        return 0;
    }
    *name = name_at(s);
    skip_space(s);
    if (name->n == 0 || s->p == s->end || *s->p++ != '=') {
        return -1;
    }
    skip_space(s);
    if (s->p == s->end || (*s->p != '"' && *s->p != '\'')) {
        return -1;
    }
    const char quote = *s->p++;
    const char *close = memchr(s->p, quote, (size_t)(s->end - s->p));
    if (!close || close - s->p > MAX_ATTR) {
        return -1;
    }
    *value = (struct text){s->p, (size_t)(close - s->p)};
    s->p = close + 1;
    return 1;
}

static uint64_t number(struct text t)
{
    char digits[24];
    const size_t n = t.n < sizeof digits - 1 ? t.n : sizeof digits - 1;
    memcpy(digits, t.p, n);
    digits[n] = 0;
    return strtoull(digits, NULL, 0);
}

static void copy(char *to, size_t cap, struct text t)
{
    const size_t n = t.n < cap - 1 ? t.n : cap - 1;
    memcpy(to, t.p, n);
    to[n] = 0;
}

/* One tag's attributes, taken for the kernel `in` where it is inside it. */
struct tag {
    struct text name, of; /* element; its attribute "name" */
    struct xclbin_arg arg;
    uint64_t id;
};

static int read_tag(struct scan *s, struct tag *t)
{
    struct text name, value;
    int rc;
    memset(t, 0, sizeof *t);
    t->name = name_at(s);
    if (t->name.n == 0 || t->name.n > NAME_N) {
        return -1;
    }
    while ((rc = attribute(s, &name, &value)) == 1) {
        if (is(name, "name")) {
            t->of = value;
            copy(t->arg.name, sizeof t->arg.name, value);
        } else if (is(name, "offset")) {
            const uint64_t v = number(value);
            t->arg.offset = v > REGISTERS_B ? UINT32_MAX : (uint32_t)v;
        } else if (is(name, "size")) {
            const uint64_t v = number(value);
            t->arg.size = v > REGISTERS_B ? UINT32_MAX : (uint32_t)v;
        } else if (is(name, "dpu_kernel_id")) {
            t->id = number(value);
        }
    }
    return rc;
}

/* Skips <!-- ... -->, <? ... ?> and <! ... >; 1: skipped, 0: this is a tag, -1: cut short. */
static int skip_other(struct scan *s)
{
    const size_t left = (size_t)(s->end - s->p);
    const char *end = NULL;
    size_t n = 0;
    if (left >= 3 && memcmp(s->p, "!--", 3) == 0) {
        end = memmem(s->p, left, "-->", n = 3);
    } else if (left && *s->p == '?') {
        end = memmem(s->p, left, "?>", n = 2);
    } else if (left && *s->p == '!') {
        end = memchr(s->p, '>', left);
        n = 1;
    } else {
        return 0;
    }
    s->p = end ? end + n : s->end;
    return end ? 1 : -1;
}

static int take(struct xclbin_kernel *k, const struct tag *t, struct err *e)
{
    if (is(t->name, "extended-data") && t->id) {
        k->id = t->id;
    }
    if (is(t->name, "arg") && k->n_args < XCLBIN_MAX_ARGS) {
        if (t->arg.offset > REGISTERS_B || t->arg.size > REGISTERS_B - t->arg.offset) {
            return err_set(e, ERR_NPU, "xclbin: argument %s lies outside the kernel's registers",
                           t->arg.name);
        }
        k->arg[k->n_args++] = t->arg;
    }
    return 0;
}

int xclbin_xml(const char *text, size_t n, const char *name, size_t name_n, struct xclbin_kernel *k,
               struct err *e)
{
    struct scan s = {text, text + n};
    int depth = 0, inside = 0; /* depth at which the kernel began */
    memset(k, 0, sizeof *k);
    while (s.p < s.end && (s.p = memchr(s.p, '<', (size_t)(s.end - s.p)))) {
        struct tag t;
        s.p++;
        int rc = skip_other(&s);
        if (rc == 1) {
            continue;
        }
        if (rc == 0 && s.p < s.end && *s.p == '/') {
            inside = inside == depth ? 0 : inside;
            depth--;
            continue;
        }
        if (rc || read_tag(&s, &t) || ++depth > MAX_DEPTH || depth < 1) {
            return err_set(e, ERR_NPU, "xclbin: its metadata text is damaged at byte %zu",
                           (size_t)(s.p - text));
        }
        /* a kernel without a name is nobody's (and has no bytes to compare) */
        if (!inside && !k->found && is(t.name, "kernel") && name_n && t.of.n == name_n &&
            memcmp(t.of.p, name, name_n) == 0) {
            inside = depth;
            k->found = 1;
        } else if (inside) {
            rc = take(k, &t, e);
            if (rc) {
                return rc;
            }
        }
        if (*s.p == '/') {
            inside = inside == depth ? 0 : inside;
            depth--;
        }
    }
    return 0;
}
