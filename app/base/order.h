/* Figures in order.  Pure; any thread. */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

#include <stddef.h>

/* Puts n figures, none of them NaN, in rising order. */
void order_doubles(double *x, size_t n);
/* The middle of n > 0 figures in order, between the middle two of an even number. */
double order_median(const double *x, size_t n);

#endif
