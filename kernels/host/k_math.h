/* exp and GELU by 16 lanes, step by step as in kernels/ref/ref.h; asking for memory.  Part of
 * k_template.h. */

/* Asks for n bytes from p on, which may lie beyond what there is. */
KT_INLINE void kt_ask(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        __builtin_prefetch((const char *)p + i);
    }
}

KT_INLINE vf kt_exp(vf x)
{
    x = vf_min(x, vf_set(REF_EXP_HI));
    x = vf_max(x, vf_set(REF_EXP_LO));
    vf t = vf_fma(x, vf_set(REF_LOG2E), vf_set(REF_ROUND));
    vf n = vf_sub(t, vf_set(REF_ROUND));
    vf r = vf_fma(n, vf_set(-REF_LN2_HI), x);
    r = vf_fma(n, vf_set(-REF_LN2_LO), r);
    vf p = vf_fma(vf_set(REF_E7), r, vf_set(REF_E6));
    p = vf_fma(p, r, vf_set(REF_E5));
    p = vf_fma(p, r, vf_set(REF_E4));
    p = vf_fma(p, r, vf_set(REF_E3));
    p = vf_fma(p, r, vf_set(REF_E2));
    p = vf_fma(p, r, vf_set(1.0f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_scale2(p, t);
}

KT_INLINE vf kt_exp_sum(vf x)
{
    const vf t = vf_fma(x, vf_set(REF_LOG2E), vf_set(REF_ROUND));
    const vf f = vf_fma(x, vf_set(REF_LOG2E), vf_sub(vf_set(REF_ROUND), t));
    vf p = vf_fma(f, vf_set(REF_POW_4), vf_set(REF_POW_3));
    p = vf_fma(p, f, vf_set(REF_POW_2));
    p = vf_fma(p, f, vf_set(REF_POW_1));
    p = vf_fma(p, f, vf_set(REF_POW_0));
    return vf_scale2(p, t);
}

KT_INLINE vf kt_gelu_rough(vf x)
{
    const vf c = vf_max(vf_min(x, vf_set(REF_GELU_END)), vf_set(-REF_GELU_END)), z = vf_mul(c, c);
    vf p = vf_fma(z, vf_set(REF_GELU_7), vf_set(REF_GELU_6));
    p = vf_fma(p, z, vf_set(REF_GELU_5));
    p = vf_fma(p, z, vf_set(REF_GELU_4));
    p = vf_fma(p, z, vf_set(REF_GELU_3));
    p = vf_fma(p, z, vf_set(REF_GELU_2));
    p = vf_fma(p, z, vf_set(REF_GELU_1));
    p = vf_fma(p, z, vf_set(REF_GELU_0));
    return vf_fma(x, vf_mul(c, p), vf_mul(vf_set(0.5f), x));
}

KT_INLINE vf kt_gelu(vf x)
{
    vf c = vf_fma(vf_mul(x, x), vf_set(REF_GELU_B), vf_set(REF_GELU_A));
    return vf_div(x, vf_add(vf_set(1.0f), kt_exp(vf_mul(x, c))));
}
