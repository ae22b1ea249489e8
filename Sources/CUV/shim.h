// CUV: what Swift sees of <uv.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CUV_SHIM_H
#define WEIR_CUV_SHIM_H
#include <uv.h>
#endif
