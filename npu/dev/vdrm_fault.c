/* Faults by script: the same calls always meet the same faults.  Under the driver's mutex. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "npu/dev/vdrm_in.h"

static const char *const steps[V_STEPS] = {"open",   "version", "heap",  "share", "dev",
                                           "cmd",    "bo_info", "mmap",  "sync",  "create_ctx",
                                           "config", "exec",    "wait",  "query", "destroy",
                                           "info",   "array",   "state", "job",   "column"};

static const struct {
    const char *name;
    int value;
} errnos[] = {{"EAGAIN", EAGAIN},
              {"EINTR", EINTR},
              {"EINVAL", EINVAL},
              {"ENODEV", ENODEV},
              {"EIO", EIO},
              {"ENOMEM", ENOMEM},
              {"ENOSPC", ENOSPC},
              {"ETIME", ETIME},
              {"EACCES", EACCES},
              {"EPERM", EPERM},
              {"ENOENT", ENOENT},
              {"EBUSY", EBUSY},
              {"EFAULT", EFAULT},
              {"EPIPE", EPIPE},
              {"E2BIG", E2BIG},
              {"EALREADY", EALREADY},
              {"EOPNOTSUPP", EOPNOTSUPP}};

static const struct {
    const char *name;
    enum vdrm_act act;
    uint32_t value;
} acts[] = {{"error", V_ERROR, 0x1000006}, {"hang", V_HANG, 0},     {"lost", V_LOST, 0},
            {"abort", V_ABORTED, 0},       {"reject", V_REJECT, 0}, {"slow", V_SLOW, 10},
            {"wedge", V_WEDGE, 0},         {"gone", V_GONE, 0}};

static int word_is(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

static int parse_what(struct vdrm_rule *r, const char **p)
{
    const size_t n = strcspn(*p, ":*; ");
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        if (word_is(*p, n, errnos[i].name)) {
            r->act = V_ERRNO;
            r->value = (uint32_t)errnos[i].value;
        }
    }
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (word_is(*p, n, acts[i].name)) {
            r->act = acts[i].act;
            r->value = acts[i].value;
        }
    }
    *p += n;
    return r->act == V_NONE || (r->act == V_ERRNO) != (r->step < V_JOB);
}

static int parse_rule(struct vdrm_rule *r, const char **p)
{
    char *end;
    const size_t n = strcspn(*p, "@=;");
    *r = (struct vdrm_rule){.step = V_STEPS, .from = 1, .times = 1};
    for (int i = 0; i < V_STEPS; i++) {
        if (word_is(*p, n, steps[i])) {
            r->step = (enum vdrm_step)i;
        }
    }
    *p += n;
    if (r->step == V_STEPS) {
        return -1;
    }
    if (**p == '@') {
        r->from = (uint32_t)strtoul(*p + 1, &end, 10);
        *p = end;
        if (**p == '.') {
            r->sub = (uint32_t)strtoul(*p + 1, &end, 10);
            *p = end;
        }
    }
    if (*(*p)++ != '=' || parse_what(r, p)) {
        return -1;
    }
    if (**p == ':') {
        r->value = (uint32_t)strtoul(*p + 1, &end, 0);
        *p = end;
    }
    if (**p == '*') {
        r->times = (uint32_t)strtoul(*p + 1, &end, 10);
        *p = end;
    }
    return 0;
}

int vdrm_fault_parse(struct vdrm_faults *f, const char *script, struct err *e)
{
    memset(f, 0, sizeof *f);
    const char *p = script ? script : "";
    while (*p) {
        const char *start = p;
        if (*p == ' ' || *p == ';') {
            p++;
            continue;
        }
        if (f->n == VDRM_RULES || parse_rule(&f->rule[f->n], &p)) {
            f->n = 0;
            return err_set(e, ERR_USAGE, "fault script: %.40s is not understood", start);
        }
        f->n++;
    }
    return 0;
}

struct vdrm_rule vdrm_fault(struct vdrm *v, enum vdrm_step step)
{
    struct vdrm_faults *f = &v->faults;
    const uint32_t now = ++f->seen[step];
    for (int i = 0; i < f->n; i++) {
        const struct vdrm_rule *r = &f->rule[i];
        if (r->step == step && now >= r->from && (r->times == 0 || now - r->from < r->times)) {
            v->counts.faults++;
            return *r;
        }
    }
    return (struct vdrm_rule){0};
}

int vdrm_fault_errno(struct vdrm *v, enum vdrm_step step)
{
    const struct vdrm_rule r = vdrm_fault(v, step);
    return r.act == V_ERRNO ? (int)r.value : 0;
}

uint32_t vdrm_column_ms(struct vdrm *v)
{
    uint32_t ms = 0;
    for (int i = 0; i < v->faults.n; i++) {
        const struct vdrm_rule *r = &v->faults.rule[i];
        if (r->step == V_COLUMN && r->act == V_SLOW && r->value > ms) {
            ms = r->value; /* the slowest column keeps the others waiting */
        }
    }
    return ms;
}
