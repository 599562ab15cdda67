#include "app/base/order.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void order_doubles(double *x, size_t n) { qsort(x, n, sizeof *x, by_value); }

double order_median(const double *x, size_t n) { return (x[n / 2] + x[(n - 1) / 2]) / 2; }
