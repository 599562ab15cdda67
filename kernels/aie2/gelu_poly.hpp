/* Made by gelu_fit.py.  q(a) = GELU(a) - a for a >= 0, three quartics in u of [-1, 1]:
 *   a in 0..1: u = (a - 0.5) 2, largest error 2.0e-04 with these bf16 coefficients
 *   a in 1..3: u = (a - 2), largest error 7.4e-04 with these bf16 coefficients
 *   a in 3..5: u = (a - 4), largest error 3.0e-05 with these bf16 coefficients
 * and 0 beyond 5, where |q| is below 1.5e-6.  [piece][power]. */
#ifndef AIE2_GELU_POLY_HPP
#define AIE2_GELU_POLY_HPP

static const float gelu_poly[3][5] = {
    {-0.154296875f, -0.06640625f, 0.0771484375f, -0.012878418f, -0.00204467773f},
    {-0.0456542969f, 0.0874023438f, -0.0539550781f, -0.00982666016f, 0.0180664062f},
    {-0.000134468079f, 0.00036239624f, -0.000831604004f, 0.00163269043f, -0.00106048584f},
};

#endif
