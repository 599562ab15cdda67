/* Readings of the device's health.  See health.h; any thread. */
#include "npu/rt/health.h"

#include <stdio.h>
#include <string.h>

#include "npu/rt/inside.h"

void npu_rt_health(const struct npu_rt *rt, struct npu_rt_health *h)
{
    pthread_mutex_t *mu = (pthread_mutex_t *)&rt->mu;
    struct dev_xdna_stats st = {0};
    if (rt->x) {
        dev_xdna_stats(rt->x, &st);
    }
    pthread_mutex_lock(mu);
    *h = rt->health;
    pthread_mutex_unlock(mu);
    h->repeated = st.again;
    h->resets = st.resets;
}

static struct npu_reading reading(struct dev_value v)
{
    return (struct npu_reading){v.v, v.valid};
}

void npu_rt_sense(const struct npu_rt *rt, struct npu_sense *s)
{
    struct dev_sense d;
    memset(s, 0, sizeof *s);
    snprintf(s->chip, sizeof s->chip, "%s", rt->chip);
    if (!rt->x) {
        return;
    }
    dev_xdna_sense(rt->x, &d);
    s->driver = 1;
    s->real = !rt->sys->virtual;
    snprintf(s->version, sizeof s->version, "%s", d.driver);
    snprintf(s->firmware, sizeof s->firmware, "%s", d.firmware);
    s->mhz = reading(d.h_mhz);
    s->contexts = reading(d.contexts);
    s->contexts_max = reading(d.contexts_max);
    s->power_mw = reading(d.power_mw);
    s->errors = reading(d.errors);
}

void npu_rt_handover(const struct npu_rt *rt, struct npu_handover *h)
{
    struct dev_xdna_stats st = {0};
    if (rt->x) {
        dev_xdna_stats(rt->x, &st);
    }
    *h = (struct npu_handover){st.calls,     st.execs,   st.pack_ns,   st.sync_ns, st.submit_ns,
                               st.wait_ns,   st.unpack_ns, st.sync_b,  st.undo_b};
}
